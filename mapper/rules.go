package mapper

import (
	"relay/mapper/event"
	"relay/mapper/rules"
)

// useRules makes the rules of a route those of the event at hand: it marks what
// they name, and finds anew what depends on it. Most mappings have one set of
// rules, which prepare begins with.
func (s *subject) useRules(of *rules.Custom) {
	if s.custom.rules == of {
		return
	}
	s.beginRules(of)
	s.t.Root.ClearMark(event.MarkPersonal)
	s.findPersonal()
	s.endRules()
}

// beginRules marks what the rules name, in place of what the ones before did.
func (s *subject) beginRules(of *rules.Custom) {
	if s.custom.rules != nil {
		s.markRules(func(n *event.Node, m event.Mark) { n.Mark &^= m })
	}
	s.custom.rules = of
	s.markRules(func(n *event.Node, m event.Mark) { n.Mark |= m })
}

// endRules evaluates what the rules set.
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

// markRules applies with to every node that the rules name.
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
