package mapper

import (
	"slices"

	"relay/mapper/event"
)

// customRules are what custom_data takes and leaves of an event: the mapping's, or
// those of one event, which hold the mapping's too.
type customRules struct {
	exclude []event.Path
	keep    []event.Path
	only    []event.Path // nil: everything
	set     []setField
}

// and is c with the rules of one event: what is excluded, kept or set for all
// events stays so; of a name that both set the event's own counts, and so does its
// own list of what may leave.
func (c *customRules) and(own *customRules) *customRules {
	out := &customRules{
		exclude: slices.Concat(c.exclude, own.exclude),
		keep:    slices.Concat(c.keep, own.keep),
		only:    c.only,
	}
	if own.only != nil {
		out.only = own.only
	}
	for _, f := range c.set {
		if !slices.ContainsFunc(own.set, func(o setField) bool { return o.name == f.name }) {
			out.set = append(out.set, f)
		}
	}
	out.set = append(out.set, own.set...)
	return out
}

// useRules makes the rules of a route those of the event at hand: it marks what
// they name, and finds anew what depends on it. Most mappings have one set of
// rules, which prepare begins with.
func (s *subject) useRules(rules *customRules) {
	if s.rules == rules {
		return
	}
	s.beginRules(rules)
	s.t.Root.Clear(markPersonal)
	s.findPersonal()
	s.endRules()
}

// beginRules marks what the rules name, in place of what the ones before did.
func (s *subject) beginRules(rules *customRules) {
	if s.rules != nil {
		s.markRules(func(n *event.Node, m event.Mark) { n.Mark &^= m })
	}
	s.rules = rules
	s.markRules(func(n *event.Node, m event.Mark) { n.Mark |= m })
}

// endRules evaluates what the rules set.
func (s *subject) endRules() {
	s.fixed, s.exprError = nil, s.keyError
	if s.asked != nil {
		s.asked.Mark &^= markConsumed
		s.asked = nil
	}
	s.findFixed()
	s.findSearch()
	s.ruleError = s.exprError
}

// markRules applies with to every node that the rules name.
func (s *subject) markRules(with func(*event.Node, event.Mark)) {
	for _, r := range []struct {
		paths []event.Path
		mark  event.Mark
	}{{s.rules.exclude, markExclude}, {s.rules.keep, markKeep}, {s.rules.only, markOnly}} {
		for i := range r.paths {
			for _, n := range r.paths[i].All(&s.t.Root, s.scratch[:0]) {
				with(n, r.mark)
			}
		}
	}
}
