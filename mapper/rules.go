package mapper

import (
	"relay/mapper/event"
	"relay/mapper/rules"
)

// useRules applies the custom_data rules of a route: it marks the nodes that they list and
// evaluates what depends on them. Most mappings have a single set of rules, which prepare
// applies.
func (s *subject) useRules(of *rules.Custom) {
	if s.custom.rules == of {
		return
	}
	s.setRules(of)
	s.t.Root.ClearMark(event.MarkPersonal)
	s.beginFilter()
	s.evaluateRules()
}

// setRules replaces the marks of the previous rules with those of the new ones.
func (s *subject) setRules(of *rules.Custom) {
	if s.custom.rules != nil {
		s.forEachListed(func(n *event.Node, m event.Mark) { n.Mark &^= m })
	}
	s.custom.rules = of
	s.forEachListed(func(n *event.Node, m event.Mark) { n.Mark |= m })
}

// evaluateRules finds the values of the fields that the rules set.
func (s *subject) evaluateRules() {
	s.setValues, s.exprError = nil, s.keyError
	if s.searchQuery != nil {
		s.searchQuery.Mark &^= event.MarkConsumed
		s.searchQuery = nil
	}
	s.evaluateSet()
	s.findSearch()
	s.ruleError = s.exprError
}

// forEachListed calls do for every node that the rules list, with the mark for it.
func (s *subject) forEachListed(do func(*event.Node, event.Mark)) {
	for _, r := range []struct {
		paths []event.Path
		mark  event.Mark
	}{{s.custom.rules.Exclude, event.MarkExclude}, {s.custom.rules.Keep, event.MarkKeep}, {s.custom.rules.Only, event.MarkOnly}} {
		for i := range r.paths {
			for _, n := range r.paths[i].All(&s.t.Root, s.scratch[:0]) {
				do(n, r.mark)
			}
		}
	}
}
