package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Node is one JSON value of an event: numbers keep the text they came in,
// members keep their order. The nodes of an event form a tree; a node's address
// stays the same while the event is being mapped, so it can be marked.
type Node struct {
	Kind jsontext.Kind // 'n' 'f' 't' '"' '0' '{' '['
	Mark Mark
	Name string // of a member of an object
	Text string // a string's content, a number's digits
	Kids []Node // of an object or array
}

// The kinds of JSON values.
const (
	Null   jsontext.Kind = 'n'
	False  jsontext.Kind = 'f'
	True   jsontext.Kind = 't'
	Text   jsontext.Kind = '"'
	Number jsontext.Kind = '0'
	Object jsontext.Kind = '{'
	List   jsontext.Kind = '['
)

// Get returns an object's member, or nil: of anything else, of a nil node, and
// when there is none.
func (n *Node) Get(name string) *Node {
	if n == nil || n.Kind != Object {
		return nil
	}
	for i := range n.Kids {
		if n.Kids[i].Name == name {
			return &n.Kids[i]
		}
	}
	return nil
}

// Object returns the node if it is an object, else nil.
func (n *Node) Object() *Node {
	if n == nil || n.Kind != Object {
		return nil
	}
	return n
}

// Absent says that there is nothing: no node, or null.
func (n *Node) Absent() bool { return n == nil || n.Kind == Null }

// Blank says that there is nothing anybody meant: absent, text of white space,
// or a list or object without content.
func (n *Node) Blank() bool {
	switch {
	case n.Absent():
		return true
	case n.Kind == Text:
		return strings.TrimSpace(n.Text) == ""
	case n.Kind == List || n.Kind == Object:
		for i := range n.Kids {
			if !n.Kids[i].Blank() {
				return false
			}
		}
		return true
	}
	return false
}

// ScalarText returns text, or a number as decimal text.
func (n *Node) ScalarText() (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.Kind {
	case Text:
		return n.Text, true
	case Number:
		return Decimal(n.Text)
	}
	return "", false
}

// Shape says what a value looks like, without saying it: letters as x,
// digits as 9.
func Shape(n *Node) string {
	switch {
	case n.Absent():
		return "nothing"
	case n.Kind == Object:
		return "an object"
	case n.Kind == List:
		return "a list"
	case n.Kind == True, n.Kind == False:
		return "true or false"
	case len(n.Text) > maxShape:
		return "long text"
	}
	return Mask(n.Text)
}

// maxShape is the longest text, in bytes, whose shape is shown.
const maxShape = 40

// Tree is a decoded event.
type Tree struct {
	Root       Node
	Duplicates []string // names that came twice in one object
	BadUTF8    bool     // bytes that are no UTF-8 were replaced by U+FFFD
}

// MaxDepth is how deep an event may nest: one that nests deeper is unusable by itself.
const MaxDepth = 256

// ErrTooDeep is a message that nests deeper than events do.
var ErrTooDeep = errors.New("the message is nested too deeply")

// Decoder reads events into trees. It is used again and again: its room and
// the nodes of the last event belong to the next one once release was called.
type Decoder struct {
	tree  Tree
	text  string // all of the body
	in    *jsontext.Decoder
	buf   bytes.Buffer
	stack []Node // children of the values that are still open
	arena []Node // room for children of closed ones
}

// The room a decoder begins with, and the most it keeps for the next event.
const (
	decoderRoom = 64
	keptRoom    = 1024
)

// NewDecoder returns a decoder, to be used by one goroutine at a time.
func NewDecoder() *Decoder {
	d := &Decoder{stack: make([]Node, 0, decoderRoom), arena: make([]Node, 0, 2*decoderRoom)}
	d.in = jsontext.NewDecoder(&d.buf)
	return d
}

// Decode reads one JSON value. Of a member that comes twice the last counts, as
// in every client's language; bytes that are no UTF-8 become U+FFFD. The tree is
// good until Release.
func (d *Decoder) Decode(body []byte) (*Tree, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	d.tree, d.text = Tree{BadUTF8: !utf8.Valid(body)}, string(body)
	d.buf = *bytes.NewBuffer(body)
	d.in.Reset(&d.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var err error
	if d.tree.Root, err = d.value(0); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if _, err := d.in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode event: something follows the JSON value")
	}
	return &d.tree, nil
}

// Release forgets the event; nothing of its tree may be used afterwards. It
// reports whether the decoder is worth keeping.
func (d *Decoder) Release() bool {
	if cap(d.stack) > keptRoom || cap(d.arena) > keptRoom {
		return false
	}
	clear(d.stack[:cap(d.stack)])
	clear(d.arena)
	d.stack, d.arena, d.text, d.tree, d.buf = d.stack[:0], d.arena[:0], "", Tree{}, bytes.Buffer{}
	d.in.Reset(&d.buf)
	return true
}

// value reads the next value.
func (d *Decoder) value(depth int) (n Node, err error) {
	n.Kind = d.in.PeekKind()
	switch n.Kind {
	case Object, List:
	case Number:
		raw, err := d.in.ReadValue()
		n.Text = d.slice(len(raw))
		return n, err
	case Text:
		n.Text, err = d.string()
		return n, err
	default:
		_, err = d.in.ReadToken()
		return n, err
	}
	if depth == MaxDepth {
		return n, ErrTooDeep
	}
	if _, err = d.in.ReadToken(); err != nil {
		return n, err
	}
	start := len(d.stack)
	for {
		if k := d.in.PeekKind(); k == '}' || k == ']' {
			_, err = d.in.ReadToken()
			n.Kids = d.keep(d.stack[start:], n.Kind == Object)
			d.stack = d.stack[:start]
			return n, err
		}
		name := ""
		if n.Kind == Object {
			if name, err = d.string(); err != nil {
				return n, err
			}
		}
		kid, err := d.value(depth + 1)
		if err != nil {
			return n, err
		}
		kid.Name = name
		d.stack = append(d.stack, kid)
	}
}

// slice is the text of the n bytes that were read last.
func (d *Decoder) slice(n int) string {
	end := int(d.in.InputOffset())
	return d.text[end-n : end]
}

// string reads a string, without a copy where nothing in it is escaped.
func (d *Decoder) string() (string, error) {
	raw, err := d.in.ReadValue()
	if err != nil {
		return "", err
	}
	if raw.Kind() != Text {
		return "", errors.New("a member's name is not a string")
	}
	if !d.tree.BadUTF8 && bytes.IndexByte(raw, '\\') < 0 {
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
func (d *Decoder) keep(kids []Node, members bool) []Node {
	if len(kids) == 0 {
		return nil
	}
	if cap(d.arena)-len(d.arena) < len(kids) {
		d.arena = make([]Node, 0, max(2*decoderRoom, len(kids)))
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
		if at := find(d.arena[start:], index, kids[i].Name); at >= 0 {
			d.tree.Duplicates = append(d.tree.Duplicates, kids[i].Name)
			d.arena[start+at] = kids[i]
			continue
		}
		if index != nil {
			index[kids[i].Name] = len(d.arena) - start
		}
		d.arena = append(d.arena, kids[i])
	}
	out := d.arena[start:len(d.arena):len(d.arena)]
	return out
}

// distinct reports that no two of the names are the same; false: two may be.
func distinct(kids []Node) bool {
	if len(kids) > 32 {
		return false
	}
	var seen uint64
	for i := range kids {
		bit := nameBit(kids[i].Name)
		if seen&bit != 0 && find(kids[:i], nil, kids[i].Name) >= 0 {
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
func find(kids []Node, index map[string]int, name string) int {
	if index != nil {
		if at, ok := index[name]; ok {
			return at
		}
		return -1
	}
	for i := range kids {
		if kids[i].Name == name {
			return i
		}
	}
	return -1
}
