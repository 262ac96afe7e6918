package mapper

import (
	"strconv"

	"relay/internal/meta"
	"relay/mapper/event"
)

// processing holds Meta's data_processing_options of a conversion.
type processing struct { // nil and empty both mean []
	options        []string // nil and empty both mean none: []
	country, state int
}

// findProcessing sets data_processing_options if the mapping has limited_data_use: the event's
// own, else LDU with the mapping's country and state.
func (s *subject) findProcessing() {
	if s.m.rules.LimitedUse == nil {
		return
	}
	own := processing{options: []string{"LDU"}, country: s.m.rules.LimitedUse.Country, state: s.m.rules.LimitedUse.State}
	s.processing = &own
	source := "limited_data_use"
	var raw *event.Node
	for _, parent := range []struct {
		node *event.Node
		name string
	}{{s.options, "integrations"}, {s.context, "context"}} {
		for options := range parent.node.Destinations() {
			n := options.Get("dataProcessingOptions")
			if n == nil {
				n = options.Get("data_processing_options")
			}
			if n.Absent() {
				continue
			}
			at := parent.name + "[" + strconv.Quote(options.Name) + "].dataProcessingOptions"
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

func (s *subject) explainProcessing(source string, raw *event.Node) {
	if s.x != nil {
		s.x.field("data_processing_options", source, s.m.rules.Lines["limited_data_use"], raw, nil, string(s.processing.append(nil)))
	}
}

// parseProcessing reads [["LDU"], country, state]; country and state are optional.
func parseProcessing(n *event.Node) (*processing, bool) {
	if n.Kind != event.List || len(n.Kids) == 0 || len(n.Kids) > 3 || n.Kids[0].Kind != event.List {
		return nil, false
	}
	p := &processing{}
	for i := range n.Kids[0].Kids {
		if o := &n.Kids[0].Kids[i]; o.Kind != event.Text || o.Text != "LDU" || len(p.options) > 0 {
			return nil, false
		}
		p.options = append(p.options, "LDU")
	}
	for i, into := range []*int{&p.country, &p.state} {
		if i+1 >= len(n.Kids) || n.Kids[i+1].Absent() {
			continue
		}
		text, ok := n.Kids[i+1].ScalarText()
		v, err := strconv.Atoi(text)
		if !ok || err != nil {
			return nil, false
		}
		*into = v
	}
	return p, meta.LimitedUsePlace(int64(p.country), int64(p.state))
}

// append writes the three members, without a leading comma.
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
