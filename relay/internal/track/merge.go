package track

import (
	"bytes"
	"cmp"
	"slices"
)

// object is a shared object of a batch, parsed once per body. No two of its members have the
// same name.
type object struct {
	members []member
	order   []int32 // members sorted by the hashes of their names, then by the names
	seen    []bool  // members that the current message also has
}

// member is one member of an object.
type member struct {
	hash  uint64
	name  []byte  // without quotes and escapes
	whole span    // "name": value, as received
	inner *object // its members, if the value is an object
}

// part is a shared member of a batch: an object, whose members the message's own override, or a
// value that only fills a gap.
type part struct {
	key      string // `"context":`
	text     []byte // nil: the batch does not have it
	obj      *object
	isObject bool // an object
}

// merger merges the shared members of a batch into its messages.
//
// Invariant: its inputs have no repeated names, so each member of the shared objects is added
// at most once to a message.
type merger struct {
	scan  scanner
	parts [3]part // context, integrations, sentAt
	edits []edit
}

// edit replaces one range of a message.
type edit struct {
	at   span
	with []byte // this text,
	part *part  // or, if not nil, the object at `at` merged with the part's
}

// begin sets the shared members: texts of JSON values, nil for absent ones.
func (g *merger) begin(context, integrations, sentAt []byte) {
	g.parts = [3]part{
		{key: `"context":`, text: context, isObject: true},
		{key: `"integrations":`, text: integrations, isObject: true},
		{key: `"sentAt":`, text: sentAt},
	}
}

// extra returns the most bytes that merging adds to one message.
func (g *merger) extra() int {
	n := 0
	for k := range g.parts {
		if p := &g.parts[k]; p.text != nil {
			n += len(p.text) + len(p.key) + 2 // commas
		}
	}
	return n
}

// own returns the message's own values for the three parts.
func (m *message) own() [3]span { return [3]span{m.context, m.integrations, m.sentAt} }

// needed reports whether merging changes the message m in b.
func (g *merger) needed(b []byte, m *message) bool {
	own := m.own()
	for k := range g.parts {
		if p := &g.parts[k]; p.text != nil && (p.isObject || !present(own[k].kind(b))) {
			return true
		}
	}
	return false
}

// present reports whether a value of this kind counts as present: null does not.
func present(kind byte) bool { return kind != 0 && kind != 'n' && kind != 'N' && kind != 'I' }

// splice appends m, which is in b, merged with the shared members, to dst. The message's own
// members win; a context or integrations that is not an object counts as absent. A non-empty
// typ replaces the message's type.
func (g *merger) splice(dst *sink, b []byte, m *message, typ string) {
	g.edits = g.edits[:0]
	if typ != "" {
		g.edits = append(g.edits, edit{at: m.typ, with: []byte(typ)})
	}
	var tail [3]*part // appended at the end
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
		case p.isObject && kind == '{':
			g.edits = append(g.edits, edit{at: own[k], part: p})
		case p.isObject || !present(kind):
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

// objectOf returns a part's parsed object.
func (g *merger) objectOf(p *part) *object {
	if p.obj == nil {
		g.scan.reset(p.text)
		p.obj = g.parseObject()
	}
	return p.obj
}

// parseObject parses the object at the scanner. Its grammar has been checked, and its depth is below
// event.MaxDepth.
func (g *merger) parseObject() *object {
	s := &g.scan
	o := &object{}
	for more := s.enter(); more; more = s.next() {
		quoted := s.named.of(s.b)
		m := member{hash: nameHash(s.quoted(quoted, s.escaped)), name: quoted[1 : len(quoted)-1], whole: span{from: s.named.from}}
		if s.escaped {
			m.name = unquote(nil, quoted)
		}
		if s.b[s.i] == '{' {
			m.inner = g.parseObject()
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

// compare compares m's hash and name with another's.
func (m *member) compare(hash uint64, name []byte) int {
	if m.hash != hash {
		return cmp.Compare(m.hash, hash)
	}
	return bytes.Compare(m.name, name)
}

// find returns the index of the member with this name, or -1.
func (o *object) find(hash uint64, name []byte) int {
	k, ok := slices.BinarySearchFunc(o.order, hash, func(m int32, h uint64) int { return o.members[m].compare(h, name) })
	if !ok {
		return -1
	}
	return int(o.order[k])
}

// merge appends the object at p in b, plus the members of o that it lacks. o is in text.
func (g *merger) merge(dst *sink, b []byte, p span, o *object, text []byte) {
	s := &g.scan
	s.reset(b[:p.to])
	s.i = int(p.from)
	g.mergeAtScanner(dst, o, text)
}

// mergeAtScanner merges the object at the scanner with o.
func (g *merger) mergeAtScanner(dst *sink, o *object, text []byte) {
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
		g.mergeAtScanner(dst, inner, text)
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

// sink is a text that grows up to a limit. Once the limit is exceeded, additions are dropped.
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

// comma adds a comma, except directly after the start of an object.
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
