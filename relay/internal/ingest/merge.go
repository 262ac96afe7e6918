package ingest

import "slices"

// mergeDepth is how many levels of objects are merged member by member; what
// lies deeper is taken whole from the message or else from the batch.
const mergeDepth = 16

// member is one member of an object the batch says for all its messages.
type member struct {
	whole span // "name": value, as it came
	value span
	inner *object // its members when the value is an object
}

// object is an object of the batch, taken apart once per request.
type object struct {
	members []member
	index   map[string][]int // name -> members of that name
	seen    []bool           // members the message at hand has, too
}

// merger splices what a batch says for all into its messages.
type merger struct {
	d            *decoder
	scan         scanner // for the insides of messages
	scratch      []byte
	context      *object
	integrations *object
	edits        []edit
}

// edit replaces one range of a message.
type edit struct {
	at   span
	with []byte  // this text,
	obj  *object // or, when not nil, the object at `at` merged with obj
}

// begin prepares for the messages of the request that d has read.
func (g *merger) begin(d *decoder) {
	g.d = d
	g.context = g.open(d.env.context)
	g.integrations = g.open(d.env.integrations)
}

func (g *merger) open(p span) *object {
	if g.d.kind(p) != '{' {
		return nil // of another type: counts as absent
	}
	g.scan.reset(g.d.scan.b[:p.to])
	return g.take(p.from, 1)
}

// take takes the object at byte `at` apart. Its grammar is known to be good.
func (g *merger) take(at, depth int) *object {
	s := &g.scan
	o := &object{index: map[string][]int{}}
	s.i = at
	s.members(func(name []byte, escaped bool) bool {
		if escaped {
			name = unquote(nil, name)
		}
		m := member{value: span{from: s.i}}
		if s.b[s.i] == '{' && depth < mergeDepth {
			m.inner = g.take(s.i, depth+1)
		} else {
			s.value()
		}
		m.value.to = s.i
		o.index[string(name)] = append(o.index[string(name)], len(o.members))
		o.members = append(o.members, m)
		return true
	})
	// Where each member as a whole starts: find the names again from the
	// values back would need their text; walk once more instead.
	end := s.i
	s.i = at + 1
	for k := range o.members {
		s.space()
		o.members[k].whole = span{s.i, o.members[k].value.to}
		s.i = o.members[k].value.to
		if s.space() == ',' {
			s.i++
		}
	}
	s.i = end
	o.seen = make([]bool, len(o.members))
	return o
}

// extra is the most that splicing adds to one message.
func (g *merger) extra() int {
	e := &g.d.env
	n := 0
	if g.context != nil {
		n += e.context.len() + len(`,"context":`)
	}
	if g.integrations != nil {
		n += e.integrations.len() + len(`,"integrations":`)
	}
	if g.hasSentAt() {
		n += e.sentAt.len() + len(`,"sentAt":`)
	}
	if n > 0 {
		n += 16 // a comma here and there
	}
	return n
}

func (g *merger) hasSentAt() bool {
	_, ok := g.d.text(g.d.env.sentAt)
	return ok
}

// needed reports whether m changes at all.
func (g *merger) needed(m *message) bool {
	return g.context != nil || g.integrations != nil || g.hasSentAt() && !g.present(m.sentAt)
}

// present: a null counts as absent.
func (g *merger) present(p span) bool {
	k := g.d.kind(p)
	return k != 0 && k != 'n'
}

// splice appends m, merged with what the batch says, to dst. The message wins,
// member by member; a context or integrations in it that is no object counts
// as absent. typ, when not empty, replaces its type.
func (g *merger) splice(dst []byte, m *message, typ string) []byte {
	b, e := g.d.scan.b, &g.d.env
	g.edits = g.edits[:0]
	if typ != "" {
		g.edits = append(g.edits, edit{at: m.typ, with: []byte(typ)})
	}
	var tail [3]span // what is added at the end
	var names [3]string
	n := 0
	add := func(name string, all, own span, obj *object, absent bool) {
		switch {
		case !own.ok():
			tail[n], names[n] = all, name
			n++
		case absent:
			g.edits = append(g.edits, edit{at: own, with: b[all.from:all.to]})
		case obj != nil:
			g.edits = append(g.edits, edit{at: own, obj: obj})
		}
	}
	if g.context != nil {
		add(`"context":`, e.context, m.context, g.context, g.d.kind(m.context) != '{')
	}
	if g.integrations != nil {
		add(`"integrations":`, e.integrations, m.integrations, g.integrations, g.d.kind(m.integrations) != '{')
	}
	if g.hasSentAt() {
		add(`"sentAt":`, e.sentAt, m.sentAt, nil, !g.present(m.sentAt))
	}
	if len(g.edits) > 1 {
		slices.SortFunc(g.edits, func(a, b edit) int { return a.at.from - b.at.from })
	}
	at := m.whole.from
	for _, ed := range g.edits {
		dst = append(dst, b[at:ed.at.from]...)
		if ed.obj != nil {
			g.scan.reset(b[:ed.at.to])
			dst = g.merge(dst, ed.at, ed.obj)
		} else {
			dst = append(dst, ed.with...)
		}
		at = ed.at.to
	}
	dst = append(dst, b[at:m.whole.to-1]...)
	for k := range n {
		dst = comma(dst)
		dst = append(append(dst, names[k]...), b[tail[k].from:tail[k].to]...)
	}
	return append(dst, '}')
}

// comma adds a comma unless dst ends where an object has just begun.
func comma(dst []byte) []byte {
	for _, d := range slices.Backward(dst) {
		switch d {
		case ' ', '\n', '\r', '\t':
			continue
		case '{':
			return dst
		}
		break
	}
	return append(dst, ',')
}

// merge appends the object at p with the members of o it lacks.
func (g *merger) merge(dst []byte, p span, o *object) []byte {
	s := &g.scan
	clear(o.seen)
	at := p.from
	s.i = p.from
	s.members(func(name []byte, escaped bool) bool {
		if escaped {
			g.scratch = unquote(g.scratch[:0], name)
			name = g.scratch
		}
		same := o.index[string(name)]
		for _, k := range same {
			o.seen[k] = true
		}
		from := s.i
		if len(same) > 0 && s.b[from] == '{' {
			if inner := o.members[same[len(same)-1]].inner; inner != nil {
				s.value()
				end := s.i
				dst = append(dst, s.b[at:from]...)
				dst = g.merge(dst, span{from, end}, inner)
				at, s.i = end, end
				return true
			}
		}
		return s.value()
	})
	dst = append(dst, s.b[at:p.to-1]...)
	for k := range o.members {
		if !o.seen[k] {
			dst = comma(dst)
			dst = append(dst, s.b[o.members[k].whole.from:o.members[k].whole.to]...)
		}
	}
	return append(dst, '}')
}
