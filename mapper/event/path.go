package event

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path is a compiled path to a value in an event, in the notation of the mapping:
//
//	properties.store.code     members
//	properties["store no"]    a member whose name has dots, spaces or brackets
//	properties.products[0]    one item of a list, from 0
//	properties.products[].id  every item of a list
type Path struct {
	Text  string
	parts []part
	Many  bool // contains [], so it can lead to several values
}

type part struct {
	name  string
	index int
	how   partKind

	spellings []string // of a trait, folded; nil for other members
	initials  uint32   // bits of the first letters of spellings, see initialBit
}

type partKind uint8

const (
	byName partKind = iota
	byIndex
	byDestination // the member for this destination, under any of its names; the first with a value
	each
)

// ParsePath parses the notation above.
func ParsePath(text string) (Path, error) {
	p := Path{Text: text}
	rest := text
	if strings.TrimSpace(text) == "" {
		return p, errors.New("the path is empty")
	}
	for first := true; rest != ""; first = false {
		switch {
		case rest[0] == '[':
			var err error
			if rest, err = p.bracket(rest); err != nil {
				return p, err
			}
			continue
		case !first:
			if rest[0] != '.' {
				return p, fmt.Errorf("expected . or [ before %q", rest)
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[]\"")
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		switch {
		case name == "":
			return p, errors.New("a name is missing: two dots in a row, or a dot at the end")
		case strings.TrimSpace(name) != name:
			return p, fmt.Errorf("white space around %q: write [%q] if it belongs to the name", strings.TrimSpace(name), name)
		case end < len(rest) && (rest[end] == ']' || rest[end] == '"'):
			return p, fmt.Errorf("unexpected %q: write quoted names as [\"…\"]", rest[end:end+1])
		}
		p.add(part{name: name})
		rest = rest[end:]
	}
	return p, nil
}

// bracket parses [0], [] or ["name"] at the start of rest and returns the text after it.
func (p *Path) bracket(rest string) (string, error) {
	inner := rest[1:]
	if strings.HasPrefix(inner, `"`) || strings.HasPrefix(inner, `'`) {
		quote := inner[:1]
		name, after, ok := strings.Cut(inner[1:], quote)
		if !ok || !strings.HasPrefix(after, "]") {
			return "", fmt.Errorf("a quoted name in brackets must end with %s]", quote)
		}
		p.add(part{name: name})
		return after[1:], nil
	}
	index, after, ok := strings.Cut(inner, "]")
	if !ok {
		return "", errors.New("[ without ]")
	}
	switch n, err := strconv.Atoi(index); {
	case len(p.parts) == 0:
		return "", errors.New("a path must begin with a name")
	case index == "":
		p.Many = true
		p.add(part{how: each})
	case err != nil || n < 0:
		return "", fmt.Errorf("[%s] is not an index: write [0], [1] …, [] for every item, or [\"name\"]", index)
	default:
		p.add(part{how: byIndex, index: n})
	}
	return after, nil
}

// Names returns the member names in the path, in order.
func (p *Path) Names() (names []string) {
	for i := range p.parts {
		if name := p.parts[i].name; name != "" {
			names = append(names, name)
		}
	}
	return names
}

// add appends a part. A name below traits also gets its other spellings.
func (p *Path) add(s part) {
	switch {
	case s.how != byName:
	case p.Has("traits"):
		s.addSpellings()
	case len(p.parts) == 1 && isDestination(s.name):
		s.how = byDestination
	}
	p.parts = append(p.parts, s)
}

// Has reports whether name is one of the names in the path.
func (p *Path) Has(name string) bool {
	for _, s := range p.parts {
		if s.how == byName && s.name == name {
			return true
		}
	}
	return false
}

// Last returns the last name in the path, or "".
func (p *Path) Last() string {
	for _, v := range slices.Backward(p.parts) {
		if v.how == byName {
			return v.name
		}
	}
	return ""
}

// NameAt returns the name at position i of the path. It reports false if the path is shorter or
// has no name at i.
func (p *Path) NameAt(i int) (name string, ok bool) {
	if i >= len(p.parts) || p.parts[i].how != byName {
		return "", false
	}
	return p.parts[i].name, true
}

// SpellsAt reports whether other is another spelling of the trait at position i.
func (p *Path) SpellsAt(i int, other string) bool {
	return slices.Contains(p.parts[i].spellings, string(foldTrait(nil, other)))
}

// AnySpelling makes the path find its last name under all spellings, as for names below traits.
func (p *Path) AnySpelling() { p.parts[len(p.parts)-1].addSpellings() }

// One returns the value at the end of a path without [], or nil. If a trait is absent or blank,
// One looks for its other spellings.
func (p *Path) One(root *Node) *Node {
	return follow(p.parts, root)
}

func follow(parts []part, n *Node) *Node {
	for i := range parts {
		if parts[i].how == byDestination {
			for options := range n.Destinations() {
				if at := follow(parts[i+1:], options); !at.Blank() {
					return at
				}
			}
			return nil
		}
		if n = parts[i].step(n); n == nil {
			return nil
		}
	}
	return n
}

// step follows one part other than [] from n.
func (s *part) step(n *Node) *Node {
	switch s.how {
	case byName:
		kid := n.Get(s.name)
		if s.spellings == nil || !kid.Blank() || n.Kind != Object {
			return kid
		}
		if found := s.findTrait(n); found != nil {
			return found
		}
		return kid
	case byIndex:
		return n.item(s.index)
	}
	return nil
}

// All appends every value that the path leads to.
func (p *Path) All(root *Node, out []*Node) []*Node {
	if !p.Many {
		if n := p.One(root); n != nil {
			out = append(out, n)
		}
		return out
	}
	return collect(p.parts, root, out)
}

func collect(parts []part, n *Node, out []*Node) []*Node {
	for i := range parts {
		if parts[i].how == byDestination {
			for options := range n.Destinations() {
				out = collect(parts[i+1:], options, out)
			}
			return out
		}
		if parts[i].how == each {
			items, _ := n.Items()
			for k := range items {
				out = collect(parts[i+1:], &items[k], out)
			}
			return out
		}
		if n = parts[i].step(n); n == nil {
			return out
		}
	}
	return append(out, n)
}

// JoinPath appends a member's name to a path for display.
func JoinPath(at, name string) string {
	name = FieldName(name)
	if name == "" || strings.ContainsAny(name, ".[]\" ") {
		return at + "[" + strconv.Quote(name) + "]"
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

// FieldName returns a member's name as notes can show it. Names are usually the shop's own
// words; a name that looks like an e-mail address or number, or is very long, becomes "…".
func FieldName(name string) string {
	digits := 0
	for _, r := range name {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if len(name) > 80 || digits > 6 || strings.Contains(name, "@") {
		return "…"
	}
	return name
}
