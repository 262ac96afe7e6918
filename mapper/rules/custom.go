package rules

import (
	"slices"

	"relay/mapper/event"
)

// Custom holds the rules of custom_data: those of the mapping, or those of one event merged
// with the mapping's.
type Custom struct {
	Exclude []event.Path
	Keep    []event.Path
	Only    []event.Path // nil: everything
	Set     []SetField
}

// and merges c with the rules of one event. Exclusions, kept properties and set fields of the
// mapping stay in force. The event's own value of a set field and its own Only list take
// precedence.
func (c *Custom) and(own *Custom) *Custom {
	out := &Custom{
		Exclude: slices.Concat(c.Exclude, own.Exclude),
		Keep:    slices.Concat(c.Keep, own.Keep),
		Only:    c.Only,
	}
	if own.Only != nil {
		out.Only = own.Only
	}
	for _, f := range c.Set {
		if !slices.ContainsFunc(own.Set, func(o SetField) bool { return o.Name == f.Name }) {
			out.Set = append(out.Set, f)
		}
	}
	out.Set = append(out.Set, own.Set...)
	return out
}

// SetField is one entry of custom_data.set.
type SetField struct {
	Name    string
	Sources []Source
	Line    int
}
