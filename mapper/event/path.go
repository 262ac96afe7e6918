package event

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path is a place in an event, compiled from the mapping's notation:
//
//	properties.store.code     members
//	properties["store no"]    a member whose name has dots, spaces or brackets
//	properties.products[0]    one item of a list, from 0
//	properties.products[].id  every item of a list
type Path struct {
	Text  string
	parts []part
	Many  bool // has [], may lead to several values
}

type part struct {
	name  string
	index int
	how   partKind

	spellings []string // of a trait, folded; nil for any other member
	initials  uint32   // of them
}

type partKind uint8

const (
	byName partKind = iota
	byIndex
	byDestination // under any name of this destination, the first that leads somewhere
	each
)

// ParsePath reads the notation above.
func ParsePath(text string) (Path, error) {
	p := Path{Text: text}
	rest := text
	if strings.TrimSpace(text) == "" {
		return p, errors.New("a path is empty")
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
			return p, errors.New("a name is missing: two dots, or one at an end")
		case strings.TrimSpace(name) != name:
			return p, fmt.Errorf("white space around %q: write [%q] if it belongs to the name", strings.TrimSpace(name), name)
		case end < len(rest) && (rest[end] == ']' || rest[end] == '"'):
			return p, fmt.Errorf("unexpected %q: quoted names are written [\"…\"]", rest[end:end+1])
		}
		p.add(part{name: name})
		rest = rest[end:]
	}
	return p, nil
}

// bracket reads [0], [] or ["name"] at the start of rest.
func (p *Path) bracket(rest string) (string, error) {
	inner := rest[1:]
	if strings.HasPrefix(inner, `"`) || strings.HasPrefix(inner, `'`) {
		quote := inner[:1]
		name, after, ok := strings.Cut(inner[1:], quote)
		if !ok || !strings.HasPrefix(after, "]") {
			return "", fmt.Errorf("a quoted name in brackets ends with %s]", quote)
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
		return "", errors.New("a path begins with a name")
	case index == "":
		p.Many = true
		p.add(part{how: each})
	case err != nil || n < 0:
		return "", fmt.Errorf("[%s] is no place in a list: write [0], [1] …, [] for every item, or [\"name\"]", index)
	default:
		p.add(part{how: byIndex, index: n})
	}
	return after, nil
}

// Names are the names of the members that the path goes through, in order.
func (p *Path) Names() (names []string) {
	for i := range p.parts {
		if name := p.parts[i].name; name != "" {
			names = append(names, name)
		}
	}
	return names
}

// add appends a part; names below traits get their other spellings.
func (p *Path) add(s part) {
	switch {
	case s.how != byName:
	case p.Has("traits"):
		s.spell()
	case len(p.parts) == 1 && isDestination(s.name):
		s.how = byDestination
	}
	p.parts = append(p.parts, s)
}

// Has says whether one of the names is name.
func (p *Path) Has(name string) bool {
	for _, s := range p.parts {
		if s.how == byName && s.name == name {
			return true
		}
	}
	return false
}

// Last returns the last name of the path.
func (p *Path) Last() string {
	for _, v := range slices.Backward(p.parts) {
		if v.how == byName {
			return v.name
		}
	}
	return ""
}

// NameAt returns the name at a place of the path, from 0. false: there is none, or
// the place is no name of a member.
func (p *Path) NameAt(i int) (name string, ok bool) {
	if i >= len(p.parts) || p.parts[i].how != byName {
		return "", false
	}
	return p.parts[i].name, true
}

// SpellsAt says whether the name at a place is that of a trait, and other another
// spelling of it.
func (p *Path) SpellsAt(i int, other string) bool {
	return slices.Contains(p.parts[i].spellings, string(foldTrait(nil, other)))
}

// AnySpelling lets the last name be found under its other spellings, as the names
// below traits are.
func (p *Path) AnySpelling() { p.parts[len(p.parts)-1].spell() }

// One returns the value at the end of a path without [], or nil. A trait that
// is absent or blank is looked for under its other spellings.
func (p *Path) One(root *Node) *Node {
	return down(p.parts, root)
}

func down(parts []part, n *Node) *Node {
	for i := range parts {
		if parts[i].how == byDestination {
			for options := range n.Destinations() {
				if at := down(parts[i+1:], options); !at.Blank() {
					return at
				}
			}
			return nil
		}
		if n = parts[i].from(n); n == nil {
			return nil
		}
	}
	return n
}

// from goes one part down, [] excepted.
func (s *part) from(n *Node) *Node {
	switch s.how {
	case byName:
		kid := n.Get(s.name)
		if s.spellings == nil || !kid.Blank() || n.Kind != Object {
			return kid
		}
		if found := s.trait(n); found != nil {
			return found
		}
		return kid
	case byIndex:
		return n.item(s.index)
	}
	return nil
}

// All appends every value the path leads to.
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
		if n = parts[i].from(n); n == nil {
			return out
		}
	}
	return append(out, n)
}

// JoinPath appends a member's name to a path for people.
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

// FieldName is a member's name as notes may show it: names are the shop's
// own words, but an e-mail address or a number of a person used as a name is not.
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
