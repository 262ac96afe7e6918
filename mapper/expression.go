package mapper

import (
	"fmt"

	"relay/mapper/expr"
)

// environment is the event as expressions see it, made once; nil when the
// event has more in it than expressions take.
func (s *subject) environment() expr.Env {
	if s.env != nil {
		return s.env
	}
	text := func(name string) string {
		t, _ := textID(s.t.Root.Get(name))
		return t
	}
	e := expr.Event{
		Event: s.name, MessageID: s.messageID, UserID: text("userId"), AnonymousID: text("anonymousId"), Timestamp: text("timestamp"),
		Properties: s.props, Context: s.context, Traits: s.context.Get("traits").Object(), Integrations: s.options,
	}
	s.env = e.Env()
	return s.env
}

// failExpression remembers that an expression could not be evaluated.
func (s *subject) failExpression(src *source, err error) {
	if s.exprError == "" {
		s.exprError = expressionMessage(src.line, err)
	}
}

func expressionMessage(line int, err error) string {
	msg := "the expression could not be evaluated: " + expr.Cause(err)
	if line > 0 {
		msg = fmt.Sprintf("the expression at line %d of the mapping could not be evaluated: %s", line, expr.Cause(err))
	}
	return msg
}
