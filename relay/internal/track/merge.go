package track

import (
	"bytes"
	"cmp"
	"slices"
)

// object is an object that a batch says for all, taken apart once per body. No
// two of its members have one name.
type object struct {
	members []member
	order   []int32 // members by the hash of their names, and by these
	seen    []bool  // members the message at hand has, too
}

// member is one member of an object.
type member struct {
	hash  uint64
	name  []byte  // without quotes and escapes
	whole span    // "name": value, as it came
	inner *object // its members when the value is an object
}

// part is what the batch says for all under one name: an object, of which the
// message's own members win, or a value that only fills a gap.
type part struct {
	key  string // `"context":`
	text []byte // nil: the batch says nothing
	obj  *object
	kids bool // an object
}

// merger splices what a batch says for all into its messages.
//
// Invariant: texts and messages it is given have no repeated names, so each
// member of the batch's objects is added at most once to a message.
type merger struct {
	scan  scanner
	parts [3]part // context, integrations, sentAt
	edits []edit
}

// edit replaces one range of a message.
type edit struct {
	at   span
	with []byte // this text,
	part *part  // or, when not nil, the object at `at` merged with the part's
}

// begin takes what the batch says for all: texts of JSON values, nil for what it
// does not say.
func (g *merger) begin(context, integrations, sentAt []byte) {
	g.parts = [3]part{
		{key: `"context":`, text: context, kids: true},
		{key: `"integrations":`, text: integrations, kids: true},
		{key: `"sentAt":`, text: sentAt},
	}
}

// extra is the most that merging adds to one message.
func (g *merger) extra() int {
	n := 0
	for k := range g.parts {
		if p := &g.parts[k]; p.text != nil {
			n += len(p.text) + len(p.key) + 2 // commas
		}
	}
	return n
}

// own is what the message itself says under the name of each part.
func (m *message) own() [3]span { return [3]span{m.context, m.integrations, m.sentAt} }

// needed reports whether merging changes the message m, which lies in b.
func (g *merger) needed(b []byte, m *message) bool {
	own := m.own()
	for k := range g.parts {
		if p := &g.parts[k]; p.text != nil && (p.kids || !present(own[k].kind(b))) {
			return true
		}
	}
	return false
}

// present reports whether a value of this kind counts as one: null does not.
func present(kind byte) bool { return kind != 0 && kind != 'n' && kind != 'N' && kind != 'I' }

// splice adds m, which lies in b, merged with what the batch says, to dst. The
// message wins, member by member; a context or integrations in it that is no
// object counts as absent. typ, when not empty, replaces its type.
func (g *merger) splice(dst *sink, b []byte, m *message, typ string) {
	g.edits = g.edits[:0]
	if typ != "" {
		g.edits = append(g.edits, edit{at: m.typ, with: []byte(typ)})
	}
	var tail [3]*part // what is added at the end
	n := 0
	own := m.own()
	for k := range g.parts {
		p := &g.parts[k]
		kind := own[k].kind(b)
		switch {
		case p.text == nil:
		case kind == 0:
			tail[n] = p
			n++
		case p.kids && kind == '{':
			g.edits = append(g.edits, edit{at: own[k], part: p})
		case p.kids || !present(kind):
			g.edits = append(g.edits, edit{at: own[k], with: p.text})
		}
	}
	slices.SortFunc(g.edits, func(a, b edit) int { return cmp.Compare(a.at.from, b.at.from) })
	at := m.whole.from
	for _, ed := range g.edits {
		dst.add(b[at:ed.at.from])
		if ed.part != nil {
			g.merge(dst, b, ed.at, g.objectOf(ed.part), ed.part.text)
		} else {
			dst.add(ed.with)
		}
		at = ed.at.to
	}
	dst.add(b[at : m.whole.to-1])
	for _, p := range tail[:n] {
		dst.comma()
		dst.addText(p.key)
		dst.add(p.text)
	}
	dst.addText("}")
}

// objectOf takes a part's object apart, once.
func (g *merger) objectOf(p *part) *object {
	if p.obj == nil {
		g.scan.reset(p.text)
		p.obj = g.take()
	}
	return p.obj
}

// take takes the object at the scanner apart. Its grammar is known to be good, and
// its depth below event.MaxDepth.
func (g *merger) take() *object {
	s := &g.scan
	o := &object{}
	for more := s.enter(); more; more = s.next() {
		quoted := s.named.of(s.b)
		m := member{hash: nameHash(s.quoted(quoted, s.escaped)), name: quoted[1 : len(quoted)-1], whole: span{from: s.named.from}}
		if s.escaped {
			m.name = unquote(nil, quoted)
		}
		if s.b[s.i] == '{' {
			m.inner = g.take()
		} else {
			s.value()
		}
		m.whole.to = int32(s.i)
		o.members = append(o.members, m)
	}
	o.order = make([]int32, len(o.members))
	for k := range o.order {
		o.order[k] = int32(k)
	}
	slices.SortFunc(o.order, func(x, y int32) int { return o.members[x].compare(o.members[y].hash, o.members[y].name) })
	o.seen = make([]bool, len(o.members))
	return o
}

// compare compares a member's name with another.
func (m *member) compare(hash uint64, name []byte) int {
	if m.hash != hash {
		return cmp.Compare(m.hash, hash)
	}
	return bytes.Compare(m.name, name)
}

// find returns the place of the member with this name, or -1.
func (o *object) find(hash uint64, name []byte) int {
	k, ok := slices.BinarySearchFunc(o.order, hash, func(m int32, h uint64) int { return o.members[m].compare(h, name) })
	if !ok {
		return -1
	}
	return int(o.order[k])
}

// merge adds the object at p in b, with the members of o it lacks. o lies in text.
func (g *merger) merge(dst *sink, b []byte, p span, o *object, text []byte) {
	s := &g.scan
	s.reset(b[:p.to])
	s.i = int(p.from)
	g.mergeHere(dst, o, text)
}

// mergeHere merges the object at the scanner.
func (g *merger) mergeHere(dst *sink, o *object, text []byte) {
	s := &g.scan
	clear(o.seen)
	at := s.i
	for more := s.enter(); more; more = s.next() {
		hash := nameHash(s.quoted(s.named.of(s.b), s.escaped))
		k := o.find(hash, s.member())
		if k < 0 {
			s.value()
			continue
		}
		o.seen[k] = true
		inner := o.members[k].inner
		if inner == nil || s.b[s.i] != '{' {
			s.value()
			continue
		}
		dst.add(s.b[at:s.i])
		g.mergeHere(dst, inner, text)
		at = s.i
	}
	dst.add(s.b[at : s.i-1])
	for k := range o.members {
		if dst.over {
			return
		}
		if !o.seen[k] {
			dst.comma()
			dst.add(o.members[k].whole.of(text))
		}
	}
	dst.addText("}")
}

// sink is a text that grows up to a limit and not beyond. Once it is over, what
// is added is dropped.
type sink struct {
	b     []byte
	limit int // of len(b)
	over  bool
}

func (k *sink) add(p []byte) {
	if k.over = k.over || len(k.b)+len(p) > k.limit; !k.over {
		k.b = append(k.b, p...)
	}
}

func (k *sink) addText(p string) {
	if k.over = k.over || len(k.b)+len(p) > k.limit; !k.over {
		k.b = append(k.b, p...)
	}
}

// comma adds a comma unless the text ends where an object has just begun.
func (k *sink) comma() {
	for _, c := range slices.Backward(k.b) {
		switch c {
		case ' ', '\n', '\r', '\t':
			continue
		case '{':
			return
		}
		break
	}
	k.addText(",")
}
