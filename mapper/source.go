package mapper

import (
	"relay/mapper/event"
	"relay/mapper/expr"
)

// storeName is the source that is the name of the store whose relay forwarded the event.
const storeName = "store.name"

// source is one place a value may come from: a path into the event, the store's name, a
// constant, or an expression.
type source struct {
	path     event.Path
	constant *event.Node
	expr     *expr.Program
	store    bool // the name of the store whose relay forwarded the event
	fullName bool // a path to a whole name, of which a key takes its part
	minor    bool // an amount in cents, or whatever the currency's smallest unit is
	line     int  // of the mapping; 0: built in
}

// label is the source as notes and explanations show it.
func (src *source) label() string {
	switch {
	case src.constant != nil:
		return "constant"
	case src.expr != nil:
		return "expr"
	}
	return src.path.Text
}

// plain says that the source is a path to one value.
func (src *source) plain() bool {
	return src.constant == nil && src.expr == nil && !src.store && !src.path.Many
}

// fullNames are the names under which events carry a person's whole name.
var fullNames = []string{"name", "fullName", "full_name", "customerName", "customer_name"}

// resolve appends what the source leads to in an event. The error is that of
// an expression.
func (src *source) resolve(s *subject, out []*event.Node) ([]*event.Node, error) {
	switch {
	case src.constant != nil:
		return append(out, src.constant), nil
	case src.expr != nil:
		n, err := src.expr.Value(s.environment())
		if err != nil || n == nil {
			return out, err
		}
		return append(out, n), nil
	}
	if src.store { // by its key: what an event says of itself is not asked
		if s.ev.Store == "" {
			return out, nil
		}
		return append(out, &event.Node{Kind: event.Text, Text: s.ev.Store}), nil
	}
	return src.path.All(&s.t.Root, out), nil
}
