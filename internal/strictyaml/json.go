package strictyaml

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// JSON returns the value as JSON, for files that hold JSON-like data such as
// sample events. Unquoted null, true, false and numbers in JSON syntax become
// JSON values, digit for digit; all else becomes text. Keys keep their order.
func (v Value) JSON() json.RawMessage { return v.appendJSON(nil) }

func (v Value) appendJSON(b []byte) []byte {
	switch v.Kind() {
	case NullKind:
		return append(b, "null"...)
	case ListKind:
		b = append(b, '[')
		items, _ := v.List()
		for i, item := range items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	case ObjectKind:
		b = append(b, '{')
		o, _ := v.Object()
		for i, f := range o.Fields() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSONText(b, f.Name)
			b = append(b, ':')
			b = f.Value.appendJSON(b)
		}
		return append(b, '}')
	}
	text, _ := v.Text()
	if !v.IsQuoted() && v.node.Tag != "!!str" || v.IsExpanded() && !v.IsQuoted() {
		if text == "true" || text == "false" || jsonNumber.MatchString(text) {
			return append(b, text...)
		}
	}
	return appendJSONText(b, text)
}

func appendJSONText(b []byte, s string) []byte {
	out, err := json.Marshal(s)
	if err != nil {
		return append(b, strconv.Quote(strings.ToValidUTF8(s, "�"))...)
	}
	return append(b, out...)
}
