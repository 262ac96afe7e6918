package mapper

import (
	"relay/mapper/event"
	"relay/mapper/rules"
)

// useRules applies the custom_data rules of a route to the event: it marks the nodes that they
// list and evaluates again what depends on them. Most mappings have a single set of rules,
// which prepare applies.
func (s *subject) useRules(of *rules.Custom) {
	if s.custom.rules == of {
		return
	}
	s.beginRules(of)
	s.t.Root.ClearMark(event.MarkPersonal)
	s.findPersonal()
	s.endRules()
}

// beginRules replaces the marks of the previous rules by those of the new ones.
func (s *subject) beginRules(of *rules.Custom) {
	if s.custom.rules != nil {
		s.markRules(func(n *event.Node, m event.Mark) { n.Mark &^= m })
	}
	s.custom.rules = of
	s.markRules(func(n *event.Node, m event.Mark) { n.Mark |= m })
}

// endRules evaluates the fields that the rules set.
func (s *subject) endRules() {
	s.fixed, s.exprError = nil, s.keyError
	if s.asked != nil {
		s.asked.Mark &^= event.MarkConsumed
		s.asked = nil
	}
	s.findFixed()
	s.findSearch()
	s.ruleError = s.exprError
}

// markRules calls with for every node that the rules list.
func (s *subject) markRules(with func(*event.Node, event.Mark)) {
	for _, r := range []struct {
		paths []event.Path
		mark  event.Mark
	}{{s.custom.rules.Exclude, event.MarkExclude}, {s.custom.rules.Keep, event.MarkKeep}, {s.custom.rules.Only, event.MarkOnly}} {
		for i := range r.paths {
			for _, n := range r.paths[i].All(&s.t.Root, s.scratch[:0]) {
				with(n, r.mark)
			}
		}
	}
}
