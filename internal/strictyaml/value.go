package strictyaml

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Kind is the kind of a value.
type Kind int

// The kinds of values.
const (
	NullKind   Kind = iota // nothing was written, or null or ~
	ScalarKind             // text, quoted or not
	ListKind
	ObjectKind
)

// String returns the kind with its article, for messages.
func (k Kind) String() string {
	switch k {
	case ScalarKind:
		return "a single value"
	case ListKind:
		return "a list"
	case ObjectKind:
		return "an object"
	}
	return "nothing"
}

// Value is a position in a document: a node with its path. The zero Value
// is not usable.
type Value struct {
	doc  *Document
	node *yaml.Node // with aliases followed
	at   *yaml.Node // where it stands: the alias, if it is one
	path string
}

// Root returns the document's content.
func (d *Document) Root() Value { return d.value(d.root, "") }

func (d *Document) value(n *yaml.Node, path string) Value {
	v := Value{doc: d, node: n, at: n, path: path}
	for v.node.Kind == yaml.AliasNode {
		v.node = v.node.Alias
	}
	return v
}

// Kind returns the kind of the value.
func (v Value) Kind() Kind {
	switch v.node.Kind {
	case yaml.SequenceNode:
		return ListKind
	case yaml.MappingNode:
		return ObjectKind
	}
	if _, ok := v.doc.expanded[v.node]; !ok && v.node.Tag == "!!null" && v.node.Style&quoted == 0 {
		return NullKind
	}
	return ScalarKind
}

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// IsNull reports whether the value is null: `key:`, null or ~.
func (v Value) IsNull() bool { return v.Kind() == NullKind }

// IsQuoted reports whether the scalar is in quotes (or a | or > block), so that a
// caller can tell "true" from true.
func (v Value) IsQuoted() bool { return v.node.Kind == yaml.ScalarNode && v.node.Style&quoted != 0 }

// Pos returns line and column, from 1.
func (v Value) Pos() (line, column int) { return v.at.Line, v.at.Column }

// Path returns the keys from the root to the value, such as "events.Order Completed.to" or
// "write_keys[0]"; empty at the root.
func (v Value) Path() string { return v.path }

// Key returns the value's key as a Value, for messages about the key;
// for list items and the root it returns the value itself.
func (v Value) Key() Value {
	if k := v.doc.keys[v.at]; k != nil {
		return v.doc.value(k, v.path)
	}
	return v
}

// Errorf records a problem at this position. The message begins with the path.
func (v Value) Errorf(format string, args ...any) *Problem {
	message := fmt.Sprintf(format, args...)
	if v.path != "" {
		message = v.path + ": " + message
	}
	return v.doc.add(v.at.Line, v.at.Column, message)
}

// Warnf records a warning about something legal but suspicious at this position.
func (v Value) Warnf(format string, args ...any) *Problem {
	p := v.Errorf(format, args...)
	p.Warning = true
	return p
}

// Written returns a scalar as written in the file, quoted and shortened,
// for messages. It never shows text set by Expand.
func (v Value) Written() string {
	if v.Kind() != ScalarKind {
		return v.Kind().String()
	}
	if r := []rune(v.node.Value); len(r) > 60 {
		return fmt.Sprintf("%q", string(r[:60])+"…")
	}
	return fmt.Sprintf("%q", v.node.Value)
}

// Text returns a scalar exactly as written, whatever it looks like. Null,
// lists and objects are a problem.
func (v Value) Text() (string, bool) { return v.scalar("text") }

// scalar returns the text of a scalar, or records the problem that want was expected.
func (v Value) scalar(want string) (string, bool) {
	switch k := v.Kind(); k {
	case ScalarKind:
		if v.doc.unexpanded[v.node] {
			return "", false
		}
		if text, ok := v.doc.expanded[v.node]; ok {
			return text, true
		}
		return v.node.Value, true
	case NullKind:
		v.Errorf("expected %s, found nothing", want).WithHint("give it a value or remove the key")
	default:
		v.Errorf("expected %s, found %s", want, k)
	}
	return "", false
}

// List returns the items of a list. Null is an empty list; anything else is
// a problem.
func (v Value) List() ([]Value, bool) {
	switch k := v.Kind(); k {
	case ListKind:
		items := make([]Value, len(v.node.Content))
		for i, n := range v.node.Content {
			items[i] = v.doc.value(n, fmt.Sprintf("%s[%d]", v.path, i))
		}
		return items, true
	case NullKind:
		return nil, true
	default:
		v.Errorf("expected a list, found %s", k).WithHint(`write "- " before each item, or [a, b]`)
		return nil, false
	}
}

// OneOrList returns the items of a list, or the value itself as the only one.
// Null is an empty list.
func (v Value) OneOrList() []Value {
	switch v.Kind() {
	case NullKind:
		return nil
	case ListKind:
		items, _ := v.List()
		return items
	}
	return []Value{v}
}

// Texts returns the text of a scalar or of every item of a list. Items that are
// not scalars are problems and are left out.
func (v Value) Texts() []string {
	var out []string
	for _, item := range v.OneOrList() {
		if text, ok := item.Text(); ok {
			out = append(out, text)
		}
	}
	return out
}

// join appends a key to a path, in brackets and quotes where a dot would be
// ambiguous.
func join(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\"\n") {
		return fmt.Sprintf("%s[%q]", path, key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Expand replaces the text of every scalar, except keys, with the result of fn. fn gets
// the value and its text. On error, the error is recorded as a problem, and reading the
// scalar fails without another one. Text, Int and other accessors use the new text, but
// messages still quote the written text, so they cannot contain a secret.
func (d *Document) Expand(fn func(v Value, text string) (string, error)) {
	if d.expanded == nil {
		d.expanded = map[*yaml.Node]string{}
		d.unexpanded = map[*yaml.Node]bool{}
	}
	d.expand(d.Root(), fn)
}

func (d *Document) expand(v Value, fn func(Value, string) (string, error)) {
	if v.at.Kind == yaml.AliasNode {
		return // what it points at is met where it is written
	}
	switch v.node.Kind {
	case yaml.SequenceNode:
		items, _ := v.List()
		for _, item := range items {
			d.expand(item, fn)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			d.expand(d.value(v.node.Content[i+1], join(v.path, v.node.Content[i].Value)), fn)
		}
	case yaml.ScalarNode:
		if v.IsNull() {
			return
		}
		text, err := fn(v, v.node.Value)
		if err != nil {
			v.Errorf("%v", err)
			d.unexpanded[v.node] = true
			return
		}
		if text != v.node.Value {
			d.expanded[v.node] = text
		}
	}
}

// IsExpanded reports whether Expand has replaced this scalar's text.
func (v Value) IsExpanded() bool {
	_, ok := v.doc.expanded[v.node]
	return ok
}

// Source returns the source line in which the value begins.
func (v Value) Source() string {
	if n := v.at.Line; n >= 1 && n <= len(v.doc.lines) {
		return v.doc.lines[n-1]
	}
	return ""
}
