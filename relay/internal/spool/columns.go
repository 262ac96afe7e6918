package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// columns turns the cells of a row into an event.
type columns struct {
	root *place
	name string // the event's name in rows that give none
	col  int    // the column of the event's name; -1: none
}

// place is a node of the event a header describes: an object or a list with
// places in it, or a leaf that a column fills.
type place struct {
	name  string
	index int // in a list
	list  bool
	col   int // -1 unless a leaf
	in    []*place
	kind  kind
}

// kind is what a cell may become besides text.
type kind int

const (
	text kind = iota
	number
	truth
)

// own are the names of a message's own; all others without a dot are properties.
var own = []string{"event", "type", "timestamp", "originalTimestamp", "messageId", "userId", "anonymousId"}

// newColumns reads a header. given maps header names to paths, an empty one
// leaving the column out.
func newColumns(header []string, given map[string]string, event string) (*columns, error) {
	c := &columns{root: &place{col: -1}, name: event, col: -1}
	var errs []error
	used := map[string]bool{}
	for k, h := range header {
		h = strings.TrimSpace(h)
		path, mapped := given[h]
		used[h] = true
		if !mapped {
			path = h
		}
		if path == "" {
			continue
		}
		steps, err := steps(path)
		if err == nil && len(steps) == 1 && steps[0].in < 0 && !slices.Contains(own, steps[0].name) {
			steps = append([]step{{name: "properties", in: -1}}, steps...)
		}
		if err == nil {
			err = c.root.add(steps, k, kindOf(steps))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("column %d (%s): %w", k+1, h, err))
		}
		if path == "event" {
			c.col = k
		}
	}
	for h := range given {
		if !used[h] {
			errs = append(errs, fmt.Errorf("there is no column %q", h))
		}
	}
	if c.col < 0 && event == "" {
		errs = append(errs, errors.New("no column is the event's name"))
	}
	return c, errors.Join(errs...)
}

// step is a name, or an index when in is not negative.
type step struct {
	name string
	in   int
}

// steps takes a path apart: a.b[0].c
func steps(path string) ([]step, error) {
	var all []step
	for part := range strings.SplitSeq(path, ".") {
		name, rest, _ := strings.Cut(part, "[")
		if name = strings.TrimSpace(name); name == "" {
			return nil, errors.New("a name in the path is empty")
		}
		all = append(all, step{name: name, in: -1})
		for rest != "" {
			in, more, ok := strings.Cut(rest, "]")
			n, err := strconv.ParseUint(in, 10, 10)
			if !ok || err != nil || more != "" && more[0] != '[' {
				return nil, errors.New("an index in the path is not like [0]")
			}
			all = append(all, step{in: int(n)})
			rest = strings.TrimPrefix(more, "[")
		}
	}
	if len(all) > 20 {
		return nil, errors.New("the path is too deep")
	}
	return all, nil
}

func kindOf(s []step) kind {
	switch {
	case s[0].name == "properties":
		return number
	case s[0].name == "integrations", s[0].name == "context" && len(s) > 1 && s[1].name == "consent":
		return truth
	}
	return text
}

func (p *place) add(path []step, col int, k kind) error {
	if len(path) == 0 {
		if p.col >= 0 || len(p.in) > 0 {
			return errors.New("another column fills the same place")
		}
		p.col, p.kind = col, k
		return nil
	}
	s := path[0]
	list := s.in >= 0
	if p.col >= 0 || len(p.in) > 0 && p.list != list {
		return errors.New("another column fills the same place")
	}
	p.list = list
	for _, q := range p.in {
		if q.name == s.name && (!list || q.index == s.in) {
			return q.add(path[1:], col, k)
		}
	}
	q := &place{name: s.name, index: s.in, col: -1}
	p.in = append(p.in, q)
	if list {
		slices.SortStableFunc(p.in, func(a, b *place) int { return a.index - b.index })
	}
	return q.add(path[1:], col, k)
}

// event appends the event that cells make.
func (c *columns) event(dst []byte, cells []string) []byte {
	dst = append(dst, '{')
	if c.name != "" && (c.col < 0 || strings.TrimSpace(cells[c.col]) == "") {
		dst = quote(append(dst, `"event":`...), c.name)
	}
	dst, _ = c.root.members(dst, cells)
	return append(dst, '}')
}

// put appends the value of a place; false when no cell below it holds anything.
func (p *place) put(dst []byte, cells []string) ([]byte, bool) {
	if p.col >= 0 {
		return cell(dst, strings.TrimSpace(cells[p.col]), p.kind)
	}
	at := len(dst)
	open, end := byte('{'), byte('}')
	if p.list {
		open, end = '[', ']'
	}
	dst, any := p.members(append(dst, open), cells)
	if !any {
		return dst[:at], false
	}
	return append(dst, end), true
}

func (p *place) members(dst []byte, cells []string) (out []byte, any bool) {
	for _, q := range p.in {
		at := len(dst)
		if last := dst[at-1]; last != '{' && last != '[' {
			dst = append(dst, ',')
		}
		if !p.list {
			dst = append(quote(dst, q.name), ':')
		}
		var ok bool
		if dst, ok = q.put(dst, cells); !ok {
			dst = dst[:at]
		}
		any = any || ok
	}
	return dst, any
}

func cell(dst []byte, s string, k kind) ([]byte, bool) {
	switch {
	case s == "":
		return dst, false
	case s[0] == '{' || s[0] == '[':
		if json.Valid([]byte(s)) {
			return append(dst, s...), true
		}
	case k == number && plainNumber(s):
		return append(dst, s...), true
	case k == truth && strings.EqualFold(s, "true"):
		return append(dst, "true"...), true
	case k == truth && strings.EqualFold(s, "false"):
		return append(dst, "false"...), true
	}
	return quote(dst, s), true
}

// plainNumber: digits as JSON writes them and few enough that nobody rounds
// them; 007 and 1e5 are texts.
func plainNumber(s string) bool {
	t := strings.TrimPrefix(s, "-")
	whole, fraction, dot := strings.Cut(t, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (len(whole) == 1 || whole[0] != '0') && (!dot || digits(fraction)) && len(t) <= 16
}

func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // an error says that it put U+FFFD somewhere
	return dst
}
