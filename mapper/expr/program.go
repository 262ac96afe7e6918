package expr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"relay/mapper/event"
)

// Program is a compiled expression: a `when:`, or the `expr:` of a source. It is safe for
// concurrent use.
//
// Its cost is bounded for every event. let and reduce are refused because they can double a
// text repeatedly. all, any, map and similar functions make at most maxSteps iterations in
// total. Lists have at most maxItems items, and expr-lang limits the memory of what it builds.
type Program struct {
	vm   *vm.Program
	Line int // line in the mapping, for messages
}

const (
	maxNodes  = 500
	maxItems  = 5000
	maxText   = 64 << 10
	maxMemory = 100_000 // in expr-lang's units: items of the lists it builds
	maxSteps  = 10_000
	tickName  = "__tick"
	stepsName = "__steps"
)

// builtins are the functions of expr-lang whose cost and result depend only on the event: no
// clock, no map order, nothing that multiplies the size of its input.
var builtins = []string{
	"all", "any", "one", "none", "map", "filter", "find", "findIndex", "findLast", "findLastIndex", "count", "sum",
	"len", "type", "abs", "ceil", "floor", "round", "int", "float", "min", "max", "mean", "median", "first", "last", "take", "get",
	"trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "date", "duration",
}

// steps counts down the remaining iterations of an evaluation.
type steps struct{ left int }

var (
	errTooManySteps = errors.New("too many steps")
	errTooMuchText  = errors.New("too much text")
)

// Compile compiles and type-checks an expression. wantBool requires a truth value, for `when:`.
// amount reads text for the function amount(), with the same rules as the mapper.
func Compile(text string, wantBool bool, amount func(string) (float64, bool)) (*Program, error) {
	guard := &costGuard{}
	options := []expr.Option{
		expr.Env(names()), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.Patch(guard),
		expr.Function(tickName, tick, new(func(*steps) bool)),
		expr.Function("amount", amountOf(amount), new(func(any) any)),
		expr.Function("string", scalarString, new(func(any) string)),
		expr.Function("join", boundedJoin, new(func([]any, string) string), new(func([]any) string)),
		expr.Function("replace", boundedReplace, new(func(string, string, string) string)),
	}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	if wantBool {
		options = append(options, expr.AsBool())
	}
	p, err := expr.Compile(text, options...)
	if err != nil {
		return nil, compileError(err)
	}
	if guard.refused != "" {
		return nil, errors.New(guard.refused)
	}
	return &Program{vm: p}, nil
}

// compileError returns expr-lang's message on one line, with its position.
func compileError(err error) error {
	if at, ok := errors.AsType[*file.Error](err); ok {
		message := at.Message
		if i := strings.IndexByte(message, '\n'); i >= 0 {
			message = message[:i]
		}
		if message == `unexpected token Operator("=")` {
			message = "= is not available: write == to compare"
		}
		return fmt.Errorf("%s (line %d, column %d of the expression)", message, at.Line, at.Column+1)
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(message)
}

// amountOf implements amount(): the number that an amount stands for, or nil, for use with ??,
// if it cannot be read.
func amountOf(read func(string) (float64, bool)) func(...any) (any, error) {
	return func(params ...any) (any, error) {
		switch v := params[0].(type) {
		case int, float64:
			return v, nil
		case string:
			if n, ok := read(v); ok {
				return n, nil
			}
		}
		return nil, nil
	}
}

// costGuard is a visitor that counts every iteration of a closure and refuses functions whose
// cost cannot be bounded.
type costGuard struct{ refused string }

func (g *costGuard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		g.refused = "let is not available in a mapping: its cost cannot be bounded"
	case *ast.BuiltinNode: // expr-lang passes disabled functions with a closure on to the visitor
		if !slices.Contains(builtins, n.Name) {
			g.refused = n.Name + " is not available in a mapping: its cost cannot be bounded"
		}
	case *ast.IdentifierNode:
		if strings.HasPrefix(n.Value, "__") && n.Value != stepsName {
			g.refused = fmt.Sprintf("unknown name %s", n.Value)
		}
	case *ast.PredicateNode:
		if _, done := n.Node.(*ast.ConditionalNode); done && isTick(n.Node.(*ast.ConditionalNode).Cond) {
			return
		}
		n.Node = &ast.ConditionalNode{
			Ternary: true,
			Cond:    &ast.CallNode{Callee: &ast.IdentifierNode{Value: tickName}, Arguments: []ast.Node{&ast.IdentifierNode{Value: stepsName}}},
			Exp1:    n.Node,
			Exp2:    &ast.NilNode{},
		}
	}
}

func isTick(n ast.Node) bool {
	call, ok := n.(*ast.CallNode)
	if !ok {
		return false
	}
	name, ok := call.Callee.(*ast.IdentifierNode)
	return ok && name.Value == tickName
}

func tick(args ...any) (any, error) {
	s := args[0].(*steps)
	if s.left--; s.left < 0 {
		return false, errTooManySteps
	}
	return true, nil
}

func scalarString(args ...any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", errors.New("string() takes text, numbers, true and false")
}

func boundedJoin(args ...any) (any, error) {
	sep := ""
	if len(args) > 1 {
		sep = args[1].(string)
	}
	var b strings.Builder
	for i, item := range args[0].([]any) {
		if i > 0 {
			b.WriteString(sep)
		}
		text, err := scalarString(item)
		if err != nil {
			return "", err
		}
		b.WriteString(text.(string))
		if b.Len() > maxText {
			return "", errTooMuchText
		}
	}
	return b.String(), nil
}

func boundedReplace(args ...any) (any, error) {
	text, from, to := args[0].(string), args[1].(string), args[2].(string)
	if len(text)+strings.Count(text, from)*max(0, len(to)-len(from)) > maxText {
		return "", errTooMuchText
	}
	return strings.ReplaceAll(text, from, to), nil
}

// run evaluates the expression with a full step budget.
func (p *Program) run(env Env) (out any, err error) {
	if env == nil {
		return nil, errTooMuchText
	}
	env[stepsName].(*steps).left = maxSteps
	machine := vm.VM{MemoryBudget: maxMemory}
	return machine.Run(p.vm, env)
}

// Holds evaluates a `when:` expression.
func (p *Program) Holds(env Env) (bool, error) {
	out, err := p.run(env)
	if err != nil {
		return false, err
	}
	yes, ok := out.(bool)
	if !ok {
		return false, errNotBool
	}
	return yes, nil
}

var errNotBool = errors.New("neither true nor false")

// Value evaluates the `expr:` of a source. It returns nil if the expression gives no value.
func (p *Program) Value(env Env) (*event.Node, error) {
	out, err := p.run(env)
	if err != nil {
		return nil, err
	}
	n := &event.Node{}
	if err := fillNode(n, out, 0); err != nil {
		return nil, err
	}
	if n.Kind == event.Null {
		return nil, nil
	}
	return n, nil
}

// Cause explains why an expression failed, without quoting the event: messages of expr-lang
// quote values.
func Cause(err error) string {
	where := ""
	if at, ok := errors.AsType[*file.Error](err); ok {
		where = fmt.Sprintf(" (line %d, column %d of the expression)", at.Line, at.Column+1)
	}
	message := err.Error()
	cause := "it failed"
	switch {
	case errors.Is(err, errTooManySteps), strings.Contains(message, errTooManySteps.Error()):
		cause = "it takes too many steps"
	case errors.Is(err, errTooMuchText), strings.Contains(message, errTooMuchText.Error()), strings.Contains(message, "memory budget"):
		cause = "it builds or reads too much"
	case errors.Is(err, errNotBool):
		cause = "it gives neither true nor false"
	case strings.Contains(message, "not bool"), strings.Contains(message, "invalid operation: bool("):
		cause = "a value that is not true or false is used as a condition: compare it with the values it can have, such as properties.paid in [true, \"true\", 1]"
	case strings.Contains(message, "cannot fetch"), strings.Contains(message, "nil pointer"):
		cause = "a member of an absent value is read; write ?. where a parent can be missing and ?? for a default"
	case strings.Contains(message, "invalid operation") && strings.Contains(message, "string") && (strings.Contains(message, "int") || strings.Contains(message, "float64")):
		cause = "text is used as a number: amount(properties.total) reads 12.50, \"12,50\" and \"€ 12\""
	case strings.Contains(message, "invalid operation"), strings.Contains(message, "interface conversion"), strings.Contains(message, "invalid argument"):
		cause = "an operand is absent or of the wrong type; write ?? for a default"
	}
	return cause + where
}
