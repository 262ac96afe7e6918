package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pathForm matches a path that contains the index of an event, as Meta writes it
// in texts and field lists: $['data'][0]['user_data'], data[3][event_time] or
// data.3.event_time (docs/meta.md 6.2).
var pathForm = form(`(?:^|[^\w])data['"]?\]?(?:\[['"]?|\.)(\d{1,5})(?:['"]?\]|\.|:|\b)`)

// maxDepth limits the recursion into error_data; encoding/json allows 10,000 levels.
const maxDepth = 32

// blame returns the events that an error identifies, sorted by index, each once
// and within the batch. The legacy API gives an event_index in error_data
// (docs/meta.md 6.3). Its nesting is not documented, and error_data is an object
// or a text that contains one, so blame searches all of it. Without an event_index,
// it looks for paths in the blamed fields and the texts.
func (a *answer) blame(r *Result, m metaError) []BadEvent {
	bad := map[int]BadEvent{}
	add := func(b BadEvent) {
		if _, ok := bad[b.Index]; !ok && b.Index >= 0 && b.Index < a.sent {
			bad[b.Index] = b
		}
	}
	var data any = decode(m.Data)
	if s, ok := data.(string); ok {
		if inner := decode([]byte(s)); inner != nil {
			data = inner
		}
	}
	a.findIndexed(data, r, maxDepth, add)
	if len(bad) == 0 {
		same := func(i int) {
			add(BadEvent{Index: i, Code: r.Code, Subcode: r.Subcode, Message: r.Message})
		}
		for _, s := range []any{data, decode(m.Blame), string(m.Message), string(m.UserTitle), string(m.UserMsg)} {
			findPaths(s, maxDepth, same)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	list := make([]BadEvent, 0, len(bad))
	for _, b := range bad {
		list = append(list, b)
	}
	slices.SortFunc(list, func(x, y BadEvent) int { return x.Index - y.Index })
	return list
}

// findIndexed calls add for every object with an event_index, at any depth.
func (a *answer) findIndexed(v any, r *Result, depth int, add func(BadEvent)) {
	if depth == 0 {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			a.findIndexed(e, r, depth-1, add)
		}
	case map[string]any:
		if i, ok := integer(v["event_index"]); ok {
			b := BadEvent{Index: i, Code: r.Code, Subcode: r.Subcode, Message: r.Message}
			if code, ok := integer(v["code"]); ok {
				// Codes such as 2804xxx are subcodes everywhere else; report
				// them as subcodes here too.
				if code >= 1e6 {
					b.Subcode = code
				} else {
					b.Code, b.Subcode = code, 0
				}
			}
			if sub, ok := integer(v["error_subcode"]); ok {
				b.Subcode = sub
			}
			if s, ok := v["message"].(string); ok && s != "" {
				b.Message = a.clean.text(s)
			}
			add(b)
			return
		}
		for _, e := range v {
			a.findIndexed(e, r, depth-1, add)
		}
	}
}

// findPaths calls found for every index in texts and in lists of path elements
// such as ["data", "3", "event_time"].
func findPaths(v any, depth int, found func(int)) {
	if depth == 0 {
		return
	}
	switch v := v.(type) {
	case string:
		for _, m := range pathForm().FindAllStringSubmatch(v, 64) {
			if i, err := strconv.Atoi(m[1]); err == nil {
				found(i)
			}
		}
	case []any:
		if len(v) >= 2 && v[0] == "data" {
			if i, ok := integer(v[1]); ok {
				found(i)
				return
			}
		}
		for _, e := range v {
			findPaths(e, depth-1, found)
		}
	case map[string]any:
		for _, e := range v {
			findPaths(e, depth-1, found)
		}
	}
}

func decode(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

func integer(v any) (int, bool) {
	switch v.(type) {
	case json.Number, string:
		i, err := strconv.Atoi(strings.TrimSpace(fmt.Sprint(v)))
		return i, err == nil
	}
	return 0, false
}
