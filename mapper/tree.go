package mapper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// node is one JSON value of an event: numbers keep the text they came in,
// members keep their order. The nodes of an event form a tree; a node's address
// stays the same while the event is being mapped, so it can be marked.
type node struct {
	kind jsontext.Kind // 'n' 'f' 't' '"' '0' '{' '['
	mark mark
	name string // of a member of an object
	text string // a string's content, a number's digits
	kids []node // of an object or array
}

// mark says what is known about a node beyond its value.
type mark uint16

const (
	markSource   mark = 1 << iota // a source of a match key: never leaves in custom_data
	markKeep                      // custom_data.keep names it
	markExclude                   // custom_data.exclude names it
	markConsumed                  // gave value, currency, content_ids, contents or store_data
	markPersonal                  // its name says that it is personal
	markOnly                      // custom_data.only names it
)

const (
	isNull   jsontext.Kind = 'n'
	isFalse  jsontext.Kind = 'f'
	isTrue   jsontext.Kind = 't'
	isText   jsontext.Kind = '"'
	isNumber jsontext.Kind = '0'
	isObject jsontext.Kind = '{'
	isList   jsontext.Kind = '['
)

// get returns an object's member, or nil: of anything else, of a nil node, and
// when there is none.
func (n *node) get(name string) *node {
	if n == nil || n.kind != isObject {
		return nil
	}
	for i := range n.kids {
		if n.kids[i].name == name {
			return &n.kids[i]
		}
	}
	return nil
}

// object returns the node if it is an object, else nil.
func (n *node) object() *node {
	if n == nil || n.kind != isObject {
		return nil
	}
	return n
}

// absent says that there is nothing: no node, or null.
func (n *node) absent() bool { return n == nil || n.kind == isNull }

// blank says that there is nothing anybody meant: absent, text of white space,
// or a list or object without content.
func (n *node) blank() bool {
	switch {
	case n.absent():
		return true
	case n.kind == isText:
		return strings.TrimSpace(n.text) == ""
	case n.kind == isList || n.kind == isObject:
		for i := range n.kids {
			if !n.kids[i].blank() {
				return false
			}
		}
		return true
	}
	return false
}

// scalarText returns text, or a number as decimal text.
func (n *node) scalarText() (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.kind {
	case isText:
		return n.text, true
	case isNumber:
		return decimalText(n.text)
	}
	return "", false
}

// shapeOf says what a value looks like, without saying it: letters as x,
// digits as 9.
func shapeOf(n *node) string {
	switch {
	case n.absent():
		return "nothing"
	case n.kind == isObject:
		return "an object"
	case n.kind == isList:
		return "a list"
	case n.kind == isTrue, n.kind == isFalse:
		return "true or false"
	case len(n.text) > maxShape:
		return "long text"
	}
	return mask(n.text)
}

// maxShape is the longest text, in bytes, whose shape is shown.
const maxShape = 40

// tree is a decoded event.
type tree struct {
	root       node
	duplicates []string // names that came twice in one object
	badUTF8    bool     // bytes that are no UTF-8 were replaced by U+FFFD
}

// maxDepth is how deep an event may nest; deeper ones are not JSON to relay.
const maxDepth = 1000

var errTooDeep = errors.New("the message is nested too deeply")

// decoder reads events into trees. It is used again and again: its room and
// the nodes of the last event belong to the next one once release was called.
type decoder struct {
	tree  tree
	text  string // all of the body
	at    int    // plain: how far it was read
	in    *jsontext.Decoder
	buf   bytes.Buffer
	stack []node // children of the values that are still open
	arena []node // room for children of closed ones
}

// The room a decoder begins with, and the most it keeps for the next event.
const (
	decoderRoom = 64
	keptRoom    = 1024
)

func newDecoder() *decoder {
	d := &decoder{stack: make([]node, 0, decoderRoom), arena: make([]node, 0, 2*decoderRoom)}
	d.in = jsontext.NewDecoder(&d.buf)
	return d
}

// event reads one JSON value. Of a member that comes twice the last counts, as
// in every client's language; bytes that are no UTF-8 become U+FFFD. The tree is
// good until release.
func (d *decoder) event(body []byte) (*tree, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	d.tree = tree{badUTF8: !utf8.Valid(body)}
	d.text = string(body)
	if !d.tree.badUTF8 && d.plain() {
		return &d.tree, nil
	}
	return d.anything(body)
}

// anything is event by way of jsontext, which takes all that can be read and
// says what is wrong with the rest.
func (d *decoder) anything(body []byte) (*tree, error) {
	d.tree = tree{badUTF8: d.tree.badUTF8}
	clear(d.arena)
	d.stack, d.arena = d.stack[:0], d.arena[:0]
	d.buf = *bytes.NewBuffer(body)
	d.in.Reset(&d.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var err error
	if d.tree.root, err = d.value(0); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if _, err := d.in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode event: something follows the JSON value")
	}
	return &d.tree, nil
}

// release forgets the event; nothing of its tree may be used afterwards. It
// reports whether the decoder is worth keeping.
func (d *decoder) release() bool {
	if cap(d.stack) > keptRoom || cap(d.arena) > keptRoom {
		return false
	}
	clear(d.stack[:cap(d.stack)])
	clear(d.arena)
	d.stack, d.arena, d.text, d.tree, d.buf = d.stack[:0], d.arena[:0], "", tree{}, bytes.Buffer{}
	d.in.Reset(&d.buf)
	return true
}

// value reads the next value.
func (d *decoder) value(depth int) (n node, err error) {
	n.kind = d.in.PeekKind()
	switch n.kind {
	case isObject, isList:
	case isNumber:
		raw, err := d.in.ReadValue()
		n.text = d.slice(len(raw))
		return n, err
	case isText:
		n.text, err = d.string()
		return n, err
	default:
		_, err = d.in.ReadToken()
		return n, err
	}
	if depth == maxDepth {
		return n, errTooDeep
	}
	if _, err = d.in.ReadToken(); err != nil {
		return n, err
	}
	start := len(d.stack)
	for {
		if k := d.in.PeekKind(); k == '}' || k == ']' {
			_, err = d.in.ReadToken()
			n.kids = d.keep(d.stack[start:], n.kind == isObject)
			d.stack = d.stack[:start]
			return n, err
		}
		name := ""
		if n.kind == isObject {
			if name, err = d.string(); err != nil {
				return n, err
			}
		}
		kid, err := d.value(depth + 1)
		if err != nil {
			return n, err
		}
		kid.name = name
		d.stack = append(d.stack, kid)
	}
}

// slice is the text of the n bytes that were read last.
func (d *decoder) slice(n int) string {
	end := int(d.in.InputOffset())
	return d.text[end-n : end]
}

// string reads a string, without a copy where nothing in it is escaped.
func (d *decoder) string() (string, error) {
	raw, err := d.in.ReadValue()
	if err != nil {
		return "", err
	}
	if raw.Kind() != isText {
		return "", errors.New("a member's name is not a string")
	}
	if !d.tree.badUTF8 && bytes.IndexByte(raw, '\\') < 0 {
		text := d.slice(len(raw))
		return text[1 : len(text)-1], nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil && !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return string(text), nil
}

// keep copies children out of the stack; of members with the same name the
// last stays, in the place of the first.
func (d *decoder) keep(kids []node, members bool) []node {
	if len(kids) == 0 {
		return nil
	}
	if cap(d.arena)-len(d.arena) < len(kids) {
		d.arena = make([]node, 0, max(2*decoderRoom, len(kids)))
	}
	start := len(d.arena)
	if !members || distinct(kids) {
		d.arena = append(d.arena, kids...)
		return d.arena[start:len(d.arena):len(d.arena)]
	}
	var index map[string]int
	if len(kids) > 32 {
		index = make(map[string]int, len(kids))
	}
	for i := range kids {
		if at := find(d.arena[start:], index, kids[i].name); at >= 0 {
			d.tree.duplicates = append(d.tree.duplicates, kids[i].name)
			d.arena[start+at] = kids[i]
			continue
		}
		if index != nil {
			index[kids[i].name] = len(d.arena) - start
		}
		d.arena = append(d.arena, kids[i])
	}
	out := d.arena[start:len(d.arena):len(d.arena)]
	return out
}

// distinct reports that no two of the names are the same; false: two may be.
func distinct(kids []node) bool {
	if len(kids) > 32 {
		return false
	}
	var seen uint64
	for i := range kids {
		bit := nameBit(kids[i].name)
		if seen&bit != 0 && find(kids[:i], nil, kids[i].name) >= 0 {
			return false
		}
		seen |= bit
	}
	return true
}

// nameBit is one of 64 bits, the same for equal names.
func nameBit(name string) uint64 {
	n := len(name)
	if n == 0 {
		return 1
	}
	return 1 << ((uint(n) + 7*uint(name[0]) + 13*uint(name[n/2]) + 29*uint(name[n-1])) % 64)
}

// find returns the place of the member called name, or -1.
func find(kids []node, index map[string]int, name string) int {
	if index != nil {
		if at, ok := index[name]; ok {
			return at
		}
		return -1
	}
	for i := range kids {
		if kids[i].name == name {
			return i
		}
	}
	return -1
}
