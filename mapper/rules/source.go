package rules

import (
	"relay/mapper/event"
	"relay/mapper/expr"
)

// storeName is the source for the name of the store whose relay forwarded the event.
const storeName = "store.name"

// Source is a place from which a value can come: a path in the event, the name of the store, a
// constant, or an expression.
type Source struct {
	Path     event.Path
	Constant *event.Node
	Expr     *expr.Program
	Store    bool // the name of the store whose relay forwarded the event
	FullName bool // a path to a full name, of which the key uses a part
	Minor    bool // an amount in the smallest unit of its currency, such as cents
	Line     int  // line in the mapping; 0: built in
}

// Label returns the source as notes and explanations show it.
func (src *Source) Label() string {
	switch {
	case src.Constant != nil:
		return "constant"
	case src.Expr != nil:
		return "expr"
	}
	return src.Path.Text
}

// IsSinglePath reports whether the source is a path to a single value.
func (src *Source) IsSinglePath() bool {
	return src.Constant == nil && src.Expr == nil && !src.Store && !src.Path.Many
}

// fullNames are property names for a person's full name.
var fullNames = []string{"name", "fullName", "full_name", "customerName", "customer_name"}
