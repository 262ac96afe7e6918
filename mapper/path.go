package mapper

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// path is a place in an event, compiled from the mapping's notation:
//
//	properties.store.code     members
//	properties["store no"]    a member whose name has dots, spaces or brackets
//	properties.products[0]    one item of a list, from 0
//	properties.products[].id  every item of a list
type path struct {
	text  string
	parts []part
	many  bool // has [], may lead to several values
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

// compilePath reads the notation above.
func compilePath(text string) (path, error) {
	p := path{text: text}
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
func (p *path) bracket(rest string) (string, error) {
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
		p.many = true
		p.add(part{how: each})
	case err != nil || n < 0:
		return "", fmt.Errorf("[%s] is no place in a list: write [0], [1] …, [] for every item, or [\"name\"]", index)
	default:
		p.add(part{how: byIndex, index: n})
	}
	return after, nil
}

// add appends a part; names below traits get their other spellings.
func (p *path) add(s part) {
	switch {
	case s.how != byName:
	case p.has("traits"):
		s.spell()
	case len(p.parts) == 1 && isDestination(s.name):
		s.how = byDestination
	}
	p.parts = append(p.parts, s)
}

// has says whether one of the names is name.
func (p *path) has(name string) bool {
	for _, s := range p.parts {
		if s.how == byName && s.name == name {
			return true
		}
	}
	return false
}

// last returns the last name of the path.
func (p *path) last() string {
	for _, v := range slices.Backward(p.parts) {
		if v.how == byName {
			return v.name
		}
	}
	return ""
}

// one returns the value at the end of a path without [], or nil. A trait that
// is absent or blank is looked for under its other spellings.
func (p *path) one(root *node) *node {
	return down(p.parts, root)
}

func down(parts []part, n *node) *node {
	for i := range parts {
		if parts[i].how == byDestination {
			for options := range n.destinations() {
				if at := down(parts[i+1:], options); !at.blank() {
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
func (s *part) from(n *node) *node {
	switch s.how {
	case byName:
		kid := n.get(s.name)
		if s.spellings == nil || !kid.blank() || n.kind != isObject {
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

// all appends every value the path leads to.
func (p *path) all(root *node, out []*node) []*node {
	if !p.many {
		if n := p.one(root); n != nil {
			out = append(out, n)
		}
		return out
	}
	return collect(p.parts, root, out)
}

func collect(parts []part, n *node, out []*node) []*node {
	for i := range parts {
		if parts[i].how == byDestination {
			for options := range n.destinations() {
				out = collect(parts[i+1:], options, out)
			}
			return out
		}
		if parts[i].how == each {
			items, _ := n.items()
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

// joinPath appends a member's name to a path for people.
func joinPath(at, name string) string {
	name = fieldName(name)
	if name == "" || strings.ContainsAny(name, ".[]\" ") {
		return at + "[" + strconv.Quote(name) + "]"
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

// fieldName is a member's name as notes may show it: names are the shop's
// own words, but an e-mail address or a number of a person used as a name is not.
func fieldName(name string) string {
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
