package mapper

import (
	"fmt"

	"relay/mapper/event"
	"relay/mapper/expr"
	"relay/mapper/rules"
)

// environment returns the variables of expressions, and nil if the event is too large for them.
// It is built once for each event.
func (s *subject) environment() expr.Env {
	if s.env != nil {
		return s.env
	}
	text := func(name string) string {
		t, _ := s.t.Root.Get(name).IDText()
		return t
	}
	e := expr.Event{
		Event: s.name, MessageID: s.messageID, UserID: text("userId"), AnonymousID: text("anonymousId"), Timestamp: text("timestamp"),
		Properties: s.props, Context: s.context, Traits: s.context.Get("traits").Object(), Integrations: s.options,
	}
	s.env = e.Env()
	return s.env
}

// failExpression records that an expression could not be evaluated.
func (s *subject) failExpression(src *rules.Source, err error) {
	if s.exprError == "" {
		s.exprError = expressionMessage(src.Line, err)
	}
}

func expressionMessage(line int, err error) string {
	msg := "the expression could not be evaluated: " + expr.Cause(err)
	if line > 0 {
		msg = fmt.Sprintf("the expression at line %d of the mapping could not be evaluated: %s", line, expr.Cause(err))
	}
	return msg
}

// resolve appends the values of a source in the event. An error comes from an expression.
func (s *subject) resolve(src *rules.Source, out []*event.Node) ([]*event.Node, error) {
	switch {
	case src.Constant != nil:
		return append(out, src.Constant), nil
	case src.Expr != nil:
		n, err := src.Expr.Value(s.environment())
		if err != nil || n == nil {
			return out, err
		}
		return append(out, n), nil
	}
	if src.Store { // from the sender's key; the event itself is not trusted
		if s.ev.Store == "" {
			return out, nil
		}
		return append(out, &event.Node{Kind: event.Text, Text: s.ev.Store}), nil
	}
	return src.Path.All(&s.t.Root, out), nil
}
