package rules

import (
	"relay/mapper/event"
	"relay/mapper/expr"
)

// storeName is the source that is the name of the store whose relay forwarded the event.
const storeName = "store.name"

// Source is one place a value may come from: a path into the event, the store's name, a
// constant, or an expression.
type Source struct {
	Path     event.Path
	Constant *event.Node
	Expr     *expr.Program
	Store    bool // the name of the store whose relay forwarded the event
	FullName bool // a path to a whole name, of which a key takes its part
	Minor    bool // an amount in cents, or whatever the currency's smallest unit is
	Line     int  // of the mapping; 0: built in
}

// Label is the source as notes and explanations show it.
func (src *Source) Label() string {
	switch {
	case src.Constant != nil:
		return "constant"
	case src.Expr != nil:
		return "expr"
	}
	return src.Path.Text
}

// Plain says that the source is a path to one value.
func (src *Source) Plain() bool {
	return src.Constant == nil && src.Expr == nil && !src.Store && !src.Path.Many
}

// fullNames are the names under which events carry a person's whole name.
var fullNames = []string{"name", "fullName", "full_name", "customerName", "customer_name"}
