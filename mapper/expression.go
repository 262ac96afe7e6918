package mapper

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"relay/mapper/event"
)

// program is a compiled expression of the mapping: `when:`, or the expr of a
// source. It may be used by many goroutines.
//
// Its cost is bounded whatever the event: no let and no reduce (which can double
// a text line by line), at most maxSteps rounds of all, any, map and their like
// together, lists of at most maxExprItems items, and expr's own budget for what
// it builds.
type program struct {
	vm   *vm.Program
	line int // of the mapping
}

const (
	maxExprNodes  = 500
	maxExprItems  = 5000
	maxExprText   = 64 << 10
	maxExprMemory = 100_000 // of expr's own units: items of lists it builds
	maxSteps      = 10_000
	tickName      = "__tick"
	stepsName     = "__steps"
)

// exprBuiltins are those of expr's functions whose cost and result depend on
// nothing but the event: no clock, no order of maps, nothing that multiplies
// the size of its input.
var exprBuiltins = []string{
	"all", "any", "one", "none", "map", "filter", "find", "findIndex", "findLast", "findLastIndex", "count", "sum",
	"len", "type", "abs", "ceil", "floor", "round", "int", "float", "min", "max", "mean", "median", "first", "last", "take", "get",
	"trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "date", "duration",
}

// steps counts down the rounds that an evaluation may still make.
type steps struct{ left int }

var (
	errTooManySteps = errors.New("too many steps")
	errTooMuchText  = errors.New("too much text")
)

// exprNames are the names an expression may use, by their types.
func exprNames() map[string]any {
	object := map[string]any{}
	return map[string]any{
		"event": "", "type": "", "messageId": "", "userId": "", "anonymousId": "", "timestamp": "",
		"properties": object, "context": object, "traits": object, "integrations": object,
		stepsName: &steps{},
	}
}

// compileExpr compiles and type-checks an expression. wantBool is for `when:`.
func compileExpr(text string, wantBool bool) (*program, error) {
	guard := &costGuard{}
	options := []expr.Option{
		expr.Env(exprNames()), expr.MaxNodes(maxExprNodes), expr.DisableAllBuiltins(), expr.Patch(guard),
		expr.Function(tickName, tick, new(func(*steps) bool)),
		expr.Function("string", scalarString, new(func(any) string)),
		expr.Function("join", boundedJoin, new(func([]any, string) string), new(func([]any) string)),
		expr.Function("replace", boundedReplace, new(func(string, string, string) string)),
	}
	for _, name := range exprBuiltins {
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
	return &program{vm: p}, nil
}

// compileError is expr's message on one line, with its column.
func compileError(err error) error {
	if at, ok := errors.AsType[*file.Error](err); ok {
		message := at.Message
		if i := strings.IndexByte(message, '\n'); i >= 0 {
			message = message[:i]
		}
		return fmt.Errorf("%s (line %d, column %d of the expression)", message, at.Line, at.Column+1)
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(message)
}

// costGuard makes every round of a closure count, and refuses what cannot be
// bounded.
type costGuard struct{ refused string }

func (g *costGuard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		g.refused = "let is not available in a mapping: what it builds cannot be bounded"
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
		if b.Len() > maxExprText {
			return "", errTooMuchText
		}
	}
	return b.String(), nil
}

func boundedReplace(args ...any) (any, error) {
	text, from, to := args[0].(string), args[1].(string), args[2].(string)
	if len(text)+strings.Count(text, from)*max(0, len(to)-len(from)) > maxExprText {
		return "", errTooMuchText
	}
	return strings.ReplaceAll(text, from, to), nil
}

// run evaluates the expression.
func (p *program) run(env map[string]any) (out any, err error) {
	if env == nil {
		return nil, errTooMuchText
	}
	env[stepsName].(*steps).left = maxSteps
	machine := vm.VM{MemoryBudget: maxExprMemory}
	return machine.Run(p.vm, env)
}

// holds evaluates a `when:`.
func (p *program) holds(env map[string]any) (bool, error) {
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

// value evaluates the expr of a source; nil means that it gives nothing.
func (p *program) value(env map[string]any) (*event.Node, error) {
	out, err := p.run(env)
	if err != nil {
		return nil, err
	}
	n := &event.Node{}
	if err := fromExpr(n, out, 0); err != nil {
		return nil, err
	}
	if n.Kind == event.Null {
		return nil, nil
	}
	return n, nil
}

// fromExpr makes a node of what an expression gave. Floats are rounded to six
// places, so that 0.1+0.2 is 0.3 again.
func fromExpr(n *event.Node, v any, depth int) error {
	switch v := v.(type) {
	case nil:
		n.Kind = event.Null
	case bool:
		n.Kind = event.False
		if v {
			n.Kind = event.True
		}
	case string:
		if len(v) > maxExprText {
			return errTooMuchText
		}
		n.Kind, n.Text = event.Text, strings.ToValidUTF8(v, "\uFFFD")
	case int:
		n.Kind, n.Text = event.Number, strconv.Itoa(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("not a number")
		}
		if math.Abs(v) < 1e9 {
			v = math.Round(v*1e6) / 1e6
		}
		n.Kind, n.Text = event.Number, strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		if depth > 20 || len(v) > maxExprItems {
			return errTooMuchText
		}
		n.Kind = event.List
		n.Kids = make([]event.Node, len(v))
		for i := range v {
			if err := fromExpr(&n.Kids[i], v[i], depth+1); err != nil {
				return err
			}
		}
	default:
		return errors.New("gives something that is no text, number, truth value or list")
	}
	return nil
}

// environment is the event as expressions see it, made once; nil when the
// event has more in it than expressions take.
func (s *subject) environment() map[string]any {
	if s.env != nil {
		return s.env
	}
	text := func(name string) string {
		t, _ := textID(s.t.Root.Get(name))
		return t
	}
	env := map[string]any{
		"event": s.name, "type": "track", "messageId": s.messageID, "userId": text("userId"), "anonymousId": text("anonymousId"),
		"timestamp": text("timestamp"), stepsName: &steps{},
	}
	for name, n := range map[string]*event.Node{
		"properties": s.props, "context": s.context, "integrations": s.options, "traits": s.context.Get("traits").Object(),
	} {
		object := map[string]any{}
		if n != nil {
			v, ok := toExpr(n, 0)
			if !ok {
				return nil
			}
			object = v.(map[string]any)
		}
		env[name] = object
	}
	s.env = env
	return env
}

// toExpr makes what expr computes with: whole numbers that fit are ints, other
// numbers floats; whole numbers that do not fit stay text, with every digit.
func toExpr(n *event.Node, depth int) (any, bool) {
	if depth > 100 {
		return nil, false
	}
	switch n.Kind {
	case event.Text:
		return n.Text, true
	case event.True:
		return true, true
	case event.False:
		return false, true
	case event.Number:
		text, ok := event.Decimal(n.Text)
		if !ok {
			return n.Text, true
		}
		if i, err := strconv.Atoi(text); err == nil {
			return i, true
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.Contains(text, ".") {
			return f, true
		}
		return text, true
	case event.List:
		if len(n.Kids) > maxExprItems {
			return nil, false
		}
		list := make([]any, len(n.Kids))
		for i := range n.Kids {
			var ok bool
			if list[i], ok = toExpr(&n.Kids[i], depth+1); !ok {
				return nil, false
			}
		}
		return list, true
	case event.Object:
		object := make(map[string]any, len(n.Kids))
		for i := range n.Kids {
			v, ok := toExpr(&n.Kids[i], depth+1)
			if !ok {
				return nil, false
			}
			object[n.Kids[i].Name] = v
		}
		return object, true
	}
	return nil, true
}

// expressionCause says why an expression failed, in words that hold nothing of
// the event: expr's own messages quote values.
func expressionCause(err error) string {
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
	case strings.Contains(message, "cannot fetch"), strings.Contains(message, "nil pointer"):
		cause = "a member is read of something absent; write ?. where a parent may be missing and ?? for a default"
	case strings.Contains(message, "invalid operation"), strings.Contains(message, "interface conversion"), strings.Contains(message, "invalid argument"):
		cause = "an operand is absent or of the wrong type; write ?? for a default"
	}
	return cause + where
}
