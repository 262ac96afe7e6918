package rules

import (
	"regexp"
	"slices"
	"strings"

	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/expr"
	"relay/mapper/match"
	"relay/mapper/money"
)

// sources reads one source or a list of them. is checks constants.
func (p *parser) sources(v strictyaml.Value, is constantCheck) []Source {
	out := []Source{}
	for _, item := range v.OneOrList() {
		if src, ok := p.source(item, is); ok {
			out = append(out, src)
		}
	}
	return out
}

// source reads a path, an unquoted number or truth value (a constant), or an object with one of
// path, const and expr.
func (p *parser) source(v strictyaml.Value, is constantCheck) (Source, bool) {
	line, _ := v.Pos()
	if v.Kind() == strictyaml.ObjectKind {
		return p.longSource(v, is)
	}
	text, ok := p.nonBlankText(v)
	if !ok {
		return Source{}, false
	}
	if n := constantNode(v, text); n != nil && n.Kind != event.Text {
		return Source{Constant: n, Line: line}, p.constant(v, n, is)
	}
	return p.pathSource(v, text)
}

func (p *parser) longSource(v strictyaml.Value, is constantCheck) (Source, bool) {
	o, _ := v.Object()
	line, _ := v.Pos()
	src, found := Source{Line: line}, 0
	good := true
	if v, ok := o.Field("path"); ok {
		found++
		text, ok := p.nonBlankText(v)
		if ok {
			var read Source
			if read, ok = p.pathSource(v, text); ok {
				src = read
			}
		}
		good = good && ok
	}
	if v, ok := o.Field("const"); ok {
		found++
		text, ok := p.nonBlankText(v)
		if ok {
			src.Constant = constantNode(v, text)
			ok = p.constant(v, src.Constant, is)
		}
		good = good && ok
	}
	if v, ok := o.Field("expr"); ok {
		found++
		src.Expr, ok = p.expression(v, false)
		good = good && ok
	}
	if p.amount {
		if v, ok := o.Field("minor_units"); ok {
			src.Minor, ok = v.Bool()
			good = good && ok
		}
	}
	o.Done(func(name string) string {
		if name == "minor_units" {
			return "only the value of an event can be in minor units"
		}
		return ""
	})
	if found != 1 {
		v.Errorf("a source must have exactly one of path, const and expr")
		return Source{}, false
	}
	return src, good
}

var numberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// constantNode returns the value of a scalar in the mapping: a number or truth value if it is
// unquoted and looks like one, else text.
func constantNode(v strictyaml.Value, text string) *event.Node {
	switch {
	case v.IsQuoted():
	case text == "true":
		return &event.Node{Kind: event.True}
	case text == "false":
		return &event.Node{Kind: event.False}
	case numberForm.MatchString(text):
		return &event.Node{Kind: event.Number, Text: text}
	}
	return &event.Node{Kind: event.Text, Text: text}
}

func (p *parser) pathSource(v strictyaml.Value, text string) (Source, bool) {
	compiled, err := event.ParsePath(text)
	if err != nil {
		v.Errorf("%s: %v", v.Written(), err).WithHint(`write paths as a.b, a["x y"], items[0], items[].id`)
		return Source{}, false
	}
	if list := strings.Split(text, ","); len(list) > 1 && !slices.ContainsFunc(list, func(one string) bool { return !beginsAtEvent(one) }) {
		v.Errorf("%s is a single path that contains a comma", v.Written()).WithHint("write several sources as a list: [%s]", text)
		return Source{}, false
	}
	line, _ := v.Pos()
	if text == storeName {
		return Source{Path: compiled, Store: true, Line: line}, true
	}
	p.knownPath(v, &compiled)
	return Source{Path: compiled, Line: line}, true
}

// beginsAtEvent reports whether a text is a path that starts with a member of a track call.
func beginsAtEvent(text string) bool {
	name, _, _ := strings.Cut(strings.TrimSpace(text), ".")
	return slices.Contains(rootNames, name)
}

func (p *parser) expression(v strictyaml.Value, wantBool bool) (*expr.Program, bool) {
	text, ok := p.nonBlankText(v)
	if !ok {
		return nil, false
	}
	compiled, err := expr.Compile(text, wantBool, money.Number)
	if err != nil {
		v.Errorf("%v", err)
		return nil, false
	}
	compiled.Line, _ = v.Pos()
	return compiled, true
}

// mustSource compiles a built-in path.
func mustSource(text string) Source {
	compiled, err := event.ParsePath(text)
	if err != nil {
		panic("mapper: built-in path " + text + ": " + err.Error())
	}
	if compiled.Last() == "leadId" {
		compiled.AnySpelling()
	}
	return Source{Path: compiled}
}

// The members that Segment's specification defines for a track call, its context, traits and
// address. Another name is suspicious if it is similar to one of them.
var (
	rootNames = []string{
		"anonymousId", "channel", "context", "event", "integrations", "messageId", "originalTimestamp", "properties",
		"receivedAt", "sentAt", "timestamp", "traits", "type", "userId", "version", "writeKey", "_metadata",
	}
	contextNames = []string{
		"active", "app", "campaign", "channel", "consent", "device", "direct", "externalIds", "groupId", "ip", "library", "locale", "network", "os",
		"page", "referrer", "screen", "timezone", "traits", "userAgent", "userAgentData", "Facebook Offline Conversions", "Facebook Conversions API",
	}
	traitNames   = append(traitsOfKeys(), "address", "age", "avatar", "birthday", "company", "createdAt", "description", "id", "title", "username", "website", "plan")
	addressNames = []string{"city", "country", "postalCode", "state", "street", "region", "line1", "line2"}
)

// traitsOfKeys returns the traits that are built-in sources of match keys.
func traitsOfKeys() (names []string) {
	for i := range match.Table {
		for _, from := range match.Table[i].From {
			if name, ok := strings.CutPrefix(from, "context.traits."); ok && !strings.Contains(name, ".") {
				names = append(names, name)
			}
		}
	}
	return names
}

// knownPath warns about a path with an unknown name that is similar to a known one.
func (p *parser) knownPath(v strictyaml.Value, at *event.Path) {
	name, near, wrong := unknownName(at)
	if !wrong {
		return
	}
	problem := v.Warnf("%s: a track call has no member %q here", v.Written(), name)
	if near != "" {
		problem.WithHint("did you mean %q?", near)
	} else {
		problem.WithHint("paths start at the event: properties.…, context.traits.…, userId")
	}
}

// NearPath returns the misspelled name in a path and the name that was probably meant: trait in
// context.trait.email.
func NearPath(path string) (name, near string, ok bool) {
	at, err := event.ParsePath(path)
	if err != nil {
		return "", "", false
	}
	name, near, ok = unknownName(&at)
	return name, near, ok && near != ""
}

// unknownName returns the first name of a path that a track call does not have there, and the
// name that was probably meant.
func unknownName(at *event.Path) (name, near string, wrong bool) {
	known := rootNames
	before := ""
	for i := 0; ; i++ {
		name, ok := at.NameAt(i)
		if !ok || known == nil {
			return "", "", false
		}
		if !slices.Contains(known, name) && !slices.ContainsFunc(known, func(other string) bool { return at.SpellsAt(i, other) }) {
			near := strictyaml.Suggest(name, known)
			if near == "" && i > 0 {
				return "", "", false // a custom member
			}
			return name, near, true
		}
		switch {
		case i == 0 && name == "context":
			known = contextNames
		case i < 2 && name == "traits":
			known = traitNames
		case name == "address" && before == "traits":
			known = addressNames
		default:
			known = nil
		}
		before = name
	}
}
