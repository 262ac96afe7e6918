package graph

import (
	"strings"

	"relay/internal/meta"
)

// vocabulary holds the names of Meta's parameters and events, in lower case:
// the only quoted words of an error text that are kept, since they say which
// field is wrong and never what a customer's value was (docs/meta.md 2–4).
var vocabulary = func() map[string]bool {
	m := map[string]bool{}
	add := func(names ...string) {
		for _, w := range names {
			if w != "" {
				m[strings.ToLower(w)] = true
			}
		}
	}
	for _, k := range meta.Keys() {
		add(k.Conversions)
		add(k.Offline...)
	}
	for _, f := range meta.Members(meta.InBoth) {
		add(f.Name)
	}
	for _, f := range meta.CustomData() {
		add(f.Name)
	}
	for _, words := range meta.AllWords() {
		add(words.Names...)
	}
	add("events", "error_data", "extinfo", "item_price", "price", "pageview", "other", "ldu", "post", "get")
	return m
}()
