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

// Node is one JSON value of an event. Numbers keep their original text and members keep their
// order. Nodes form a tree. The address of a node does not change while the event is mapped, so
// nodes can be marked.
type Node struct {
	Kind jsontext.Kind // 'n' 'f' 't' '"' '0' '{' '['
	Mark Mark
	Name string // of an object's member
	Text string // the content of a string, the digits of a number
	Kids []Node // of an object or a list
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

// Get returns an object's member, or nil if it is missing or n is not an object.
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

// Absent reports whether the node is missing or null.
func (n *Node) Absent() bool { return n == nil || n.Kind == Null }

// Blank reports whether the node holds no content: it is absent, white space, or a list or
// object whose values are all blank.
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

// ScalarText returns the text of a string, or a number in decimal form.
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

// Shape describes a value without revealing it: letters as x, digits as 9.
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

// maxShape is the longest text, in bytes, for which Shape shows the characters.
const maxShape = 40

// Tree is a decoded event.
type Tree struct {
	Root       Node
	Duplicates []string // names that appeared twice in one object
	BadUTF8    bool     // invalid UTF-8 was replaced by U+FFFD
}

// MaxDepth is the maximum nesting depth of an event.
const MaxDepth = 256

// ErrTooDeep is returned for a message that is nested more than MaxDepth levels deep.
var ErrTooDeep = errors.New("the message is nested too deeply")

// Decoder decodes events into trees. It is reused: after Release, the next event overwrites the
// nodes of the last one.
type Decoder struct {
	tree  Tree
	text  string // the whole body
	in    *jsontext.Decoder
	buf   bytes.Buffer
	stack []Node // children of values that are not complete yet
	arena []Node // children of complete values
}

// The initial size of a decoder's buffers in nodes, and the largest size it keeps for the next
// event.
const (
	initialNodes = 64
	maxKeptNodes = 1024
)

// NewDecoder returns a decoder. It is not safe for concurrent use.
func NewDecoder() *Decoder {
	d := &Decoder{stack: make([]Node, 0, initialNodes), arena: make([]Node, 0, 2*initialNodes)}
	d.in = jsontext.NewDecoder(&d.buf)
	return d
}

// Decode decodes one JSON value. If a member appears twice, the last one counts, as in every
// client's language. Invalid UTF-8 becomes U+FFFD. The tree is valid until Release.
func (d *Decoder) Decode(body []byte) (*Tree, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	d.tree, d.text = Tree{BadUTF8: !utf8.Valid(body)}, string(body)
	d.buf = *bytes.NewBuffer(body)
	d.in.Reset(&d.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var err error
	if d.tree.Root, err = d.readValue(0); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if _, err := d.in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode event: unexpected data after the JSON value")
	}
	return &d.tree, nil
}

// Release discards the event. Its tree must not be used afterwards. Release reports whether the
// decoder is small enough to keep.
func (d *Decoder) Release() bool {
	if cap(d.stack) > maxKeptNodes || cap(d.arena) > maxKeptNodes {
		return false
	}
	clear(d.stack[:cap(d.stack)])
	clear(d.arena)
	d.stack, d.arena, d.text, d.tree, d.buf = d.stack[:0], d.arena[:0], "", Tree{}, bytes.Buffer{}
	d.in.Reset(&d.buf)
	return true
}

// readValue decodes the next value.
func (d *Decoder) readValue(depth int) (n Node, err error) {
	n.Kind = d.in.PeekKind()
	switch n.Kind {
	case Object, List:
	case Number:
		raw, err := d.in.ReadValue()
		n.Text = d.lastBytes(len(raw))
		return n, err
	case Text:
		n.Text, err = d.readString()
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
			n.Kids = d.storeKids(d.stack[start:], n.Kind == Object)
			d.stack = d.stack[:start]
			return n, err
		}
		name := ""
		if n.Kind == Object {
			if name, err = d.readString(); err != nil {
				return n, err
			}
		}
		kid, err := d.readValue(depth + 1)
		if err != nil {
			return n, err
		}
		kid.Name = name
		d.stack = append(d.stack, kid)
	}
}

// lastBytes returns the text of the n bytes read last.
func (d *Decoder) lastBytes(n int) string {
	end := int(d.in.InputOffset())
	return d.text[end-n : end]
}

// readString decodes a string. It copies only strings with escapes.
func (d *Decoder) readString() (string, error) {
	raw, err := d.in.ReadValue()
	if err != nil {
		return "", err
	}
	if raw.Kind() != Text {
		return "", errors.New("the name of a member is not a string")
	}
	if !d.tree.BadUTF8 && bytes.IndexByte(raw, '\\') < 0 {
		text := d.lastBytes(len(raw))
		return text[1 : len(text)-1], nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil && !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return string(text), nil
}

// storeKids copies children from the stack to the arena. If members have the same name, the
// last one takes the place of the first.
func (d *Decoder) storeKids(kids []Node, members bool) []Node {
	if len(kids) == 0 {
		return nil
	}
	if cap(d.arena)-len(d.arena) < len(kids) {
		d.arena = make([]Node, 0, max(2*initialNodes, len(kids)))
	}
	start := len(d.arena)
	if !members || areDistinct(kids) {
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
	return d.arena[start:len(d.arena):len(d.arena)]
}

// areDistinct reports whether all names are known to differ. False means that two might be
// equal.
func areDistinct(kids []Node) bool {
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

// nameBit returns one of 64 bits; equal names have equal bits.
func nameBit(name string) uint64 {
	n := len(name)
	if n == 0 {
		return 1
	}
	return 1 << ((uint(n) + 7*uint(name[0]) + 13*uint(name[n/2]) + 29*uint(name[n-1])) % 64)
}

// find returns the index of the member called name, or -1.
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
