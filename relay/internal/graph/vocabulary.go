package graph

import (
	"strings"

	"relay/internal/meta"
)

// vocabulary has the names of Meta's parameters and events, in lower case. Of the
// quoted words in an error text only these are shown: they identify the field that
// is wrong and are never a customer's value (docs/meta.md 2–4).
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
