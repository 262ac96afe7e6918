package mapper

import (
	"strconv"

	"relay/internal/meta"
)

// processing is Meta's data_processing_options of one conversion.
type processing struct {
	options        []string // nil and empty both mean none: []
	country, state int
}

// findProcessing settles data_processing_options when the mapping asks for
// limited data use: the event's own, else LDU with the mapping's country and
// state.
func (s *subject) findProcessing() {
	if s.m.limitedUse == nil {
		return
	}
	own := processing{options: []string{"LDU"}, country: s.m.limitedUse.country, state: s.m.limitedUse.state}
	s.processing = &own
	source := "limited_data_use"
	var raw *node
	for _, parent := range []struct {
		node *node
		name string
	}{{s.options, "integrations"}, {s.context, "context"}} {
		for options := range parent.node.destinations() {
			n := options.get("dataProcessingOptions")
			if n == nil {
				n = options.get("data_processing_options")
			}
			if n.absent() {
				continue
			}
			at := parent.name + "[" + strconv.Quote(options.name) + "].dataProcessingOptions"
			if p, ok := parseProcessing(n); ok {
				s.processing, source, raw = p, at, n
				s.explainProcessing(source, raw)
				return
			}
			s.notes.add(noteBadOptions, at, "expected [[options], country, state] as Meta documents them; the mapping's limited_data_use counts")
		}
	}
	s.explainProcessing(source, raw)
}

func (s *subject) explainProcessing(source string, raw *node) {
	if s.x != nil {
		s.x.field("data_processing_options", source, s.m.lines["limited_data_use"], raw, nil, string(s.processing.append(nil)))
	}
}

// parseProcessing reads [["LDU"], country, state], country and state optional.
func parseProcessing(n *node) (*processing, bool) {
	if n.kind != isList || len(n.kids) == 0 || len(n.kids) > 3 || n.kids[0].kind != isList {
		return nil, false
	}
	p := &processing{}
	for i := range n.kids[0].kids {
		if o := &n.kids[0].kids[i]; o.kind != isText || o.text != "LDU" || len(p.options) > 0 {
			return nil, false
		}
		p.options = append(p.options, "LDU")
	}
	for i, into := range []*int{&p.country, &p.state} {
		if i+1 >= len(n.kids) || n.kids[i+1].absent() {
			continue
		}
		text, ok := n.kids[i+1].scalarText()
		v, err := strconv.Atoi(text)
		if !ok || err != nil {
			return nil, false
		}
		*into = v
	}
	return p, meta.LimitedUsePlace(int64(p.country), int64(p.state))
}

// append writes the three members, without a comma before them.
func (p *processing) append(dst []byte) []byte {
	dst = append(dst, `"data_processing_options":[`...)
	if len(p.options) > 0 {
		dst = append(dst, `"LDU"`...)
	}
	dst = append(dst, `],"data_processing_options_country":`...)
	dst = strconv.AppendInt(dst, int64(p.country), 10)
	dst = append(dst, `,"data_processing_options_state":`...)
	return strconv.AppendInt(dst, int64(p.state), 10)
}
