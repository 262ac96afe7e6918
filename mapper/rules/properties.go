package rules

import (
	"slices"

	"relay/mapper/event"
)

// Custom are what custom_data takes and leaves of an event: the mapping's, or
// those of one event, which hold the mapping's too.
type Custom struct {
	Exclude []event.Path
	Keep    []event.Path
	Only    []event.Path // nil: everything
	Set     []SetField
}

// and is c with the rules of one event: what is excluded, kept or set for all
// events stays so; of a name that both set the event's own counts, and so does its
// own list of what may leave.
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
