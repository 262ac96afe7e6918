package mapper

import (
	"regexp"
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/event"
)

// memberKeys reads the keys that may stand in the mapping and in one event's long
// form. Each of them is found by field.
func (p *parser) memberKeys(field func(string) (strictyaml.Value, bool), m *members) {
	if v, ok := field("action_source"); ok {
		m.actionSource = p.actionSource(v)
	}
	for _, f := range []struct {
		name string
		into *[]source
		is   judge
	}{
		{"opt_out", &m.optOut, isTruth},
		{"customer_segmentation", &m.segmentation, oneOfWords(meta.Segmentations.Names)},
		{"referrer_url", &m.referrer, isPageURL},
		{"event_source_url", &m.pageURL, isPageURL},
	} {
		if v, ok := field(f.name); ok {
			*f.into = p.someSources(v, f.is)
		}
	}
	if v, ok := field("original_event_data"); ok {
		if o, ok := v.Object(); ok {
			for i, name := range meta.OriginalEvent.Names {
				if v, ok := o.Field(name); ok {
					is := judge(anID)
					if i == originalTime {
						is = p.isTime
					}
					m.original[i] = p.someSources(v, is)
				}
			}
			o.Done()
		}
	}
}

// someSources reads one source or more; none is a mistake.
func (p *parser) someSources(v strictyaml.Value, is judge) []source {
	out := p.sources(v, is)
	if len(v.OneOrList()) == 0 {
		v.Errorf("names no source").WithHint("write a path such as properties.%s, or remove the key", v.Path()[strings.LastIndexByte(v.Path(), '.')+1:])
	}
	return out
}

// actionSource reads one of Meta's words, a path to one, or a list of these.
func (p *parser) actionSource(v strictyaml.Value) []source {
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("names no action_source").WithHint("write physical_store, or a path such as properties.channel")
	}
	out := []source{}
	for _, item := range items {
		if item.Kind() == strictyaml.ObjectKind {
			if src, ok := p.source(item, oneOfWords(meta.ActionSources.Names)); ok {
				out = append(out, src)
			}
			continue
		}
		text, ok := p.word(item)
		if !ok {
			continue
		}
		if strings.ContainsAny(text, ".[") {
			if src, ok := p.pathSource(item, text); ok {
				out = append(out, src)
			}
			continue
		}
		if meant := usualSources[strings.ToLower(text)]; meant != "" {
			item.Errorf("%s is none of %s", item.Written(), strings.Join(meta.ActionSources.Names, ", ")).WithHint("write %s", meant)
			continue
		}
		if _, ok := p.oneOf(item, meta.ActionSources.Names...); !ok {
			continue
		}
		if text != physicalStore {
			item.Warnf("%s is not physical_store: Meta then takes events of the last 7 days only", text)
		}
		line, _ := item.Pos()
		out = append(out, source{constant: &event.Node{Kind: event.Text, Text: text}, line: line})
	}
	return out
}

// usualSources are words that are not Meta's, for what its words say.
var usualSources = map[string]string{
	"store": physicalStore, "shop": physicalStore, "offline": physicalStore, "in_store": physicalStore, "instore": physicalStore, "pos": physicalStore, "retail": physicalStore,
	"web": "website", "online": "website", "ecommerce": "website", "phone": "phone_call", "call": "phone_call", "crm": "system_generated", "mail": "email",
}

var tagPlace = regexp.MustCompile(`\{[^{}]*\}|[{}]`)

// tag reads an upload_tag: text, with {store} and {date} in it where wanted.
func (p *parser) tag(v strictyaml.Value) uploadTag {
	text, ok := p.outwardText(v)
	if !ok {
		return ""
	}
	for _, place := range tagPlace.FindAllString(text, -1) {
		if !slices.Contains(tagPlaces, place) {
			v.Errorf("%s: an upload_tag holds nothing of an event but {store} and {date}", v.Written()).
				WithHint("each other tag is another request: write {store}, the store's code, or {date}, the day of the event")
			return ""
		}
	}
	return uploadTag(text)
}

// storeData reads store.
func (p *parser) storeData(o *strictyaml.Object) {
	v, ok := p.key(o, "store")
	if !ok {
		return
	}
	fields, ok := v.Object()
	if !ok {
		return
	}
	for i := range storeMembers {
		if v, ok := fields.Field(storeMembers[i].name); ok {
			is := judge(isPageID)
			if i == storeCode {
				is = isStoreCode
			}
			p.m.store[i] = p.someSources(v, is)
		}
	}
	fields.Done(func(name string) string {
		for _, m := range storeMembers {
			if name == m.member {
				return "write " + m.name
			}
		}
		return ""
	})
}

// orderIDAt reads order_id_at.
func (p *parser) orderIDAt(o *strictyaml.Object) {
	p.m.orderIDAt = atBoth
	if v, ok := p.key(o, "order_id_at"); ok {
		if text, ok := p.oneOf(v, string(atBoth), string(atEvent), string(atCustom)); ok {
			p.m.orderIDAt = place(text)
		}
	}
}

// contentFields reads contents.
func (p *parser) contentFields(o *strictyaml.Object) {
	v, ok := p.key(o, "contents")
	if !ok {
		return
	}
	for _, item := range v.OneOrList() {
		text, ok := p.oneOf(item, itemFieldNames[:]...)
		if !ok {
			continue
		}
		f := itemField(slices.Index(itemFieldNames[:], text))
		if slices.Contains(p.m.itemFields, f) {
			item.Errorf("%s stands here already", text)
			continue
		}
		p.m.itemFields = append(p.m.itemFields, f)
	}
}

// presetCRMLead is the preset for the stages of a lead in a CRM (docs/meta.md
// 4.3).
const presetCRMLead = "crm_lead"

// preset reads preset: what it sets, the event may not set otherwise. It comes
// after the event's other keys.
func (p *parser) preset(v strictyaml.Value, r *route, own *customRules) {
	if _, ok := p.oneOf(v, presetCRMLead); !ok {
		return
	}
	line, _ := v.Pos()
	word := func(text string) []source {
		return []source{{constant: &event.Node{Kind: event.Text, Text: text}, line: line}}
	}
	r.stage = true
	if r.members.actionSource != nil {
		v.Errorf("%s sets action_source: the event cannot have another", presetCRMLead).WithHint("remove action_source, or the preset")
	}
	r.members.actionSource = word("system_generated")
	isSet := func(name string, rules *customRules) bool {
		return slices.ContainsFunc(rules.set, func(f setField) bool { return f.name == name })
	}
	if isSet("event_source", own) {
		v.Errorf("%s sets custom_data.event_source: the event cannot have another", presetCRMLead).WithHint("remove it, or the preset")
	}
	own.set = append(own.set, setField{name: "event_source", sources: word("crm"), line: line})
	if !isSet("lead_event_source", own) && !isSet("lead_event_source", &p.m.custom) {
		v.Warnf("Meta wants the name of the CRM in lead_event_source, and only events with a property of that name have it").
			WithHint("write custom_data: { set: { lead_event_source: { const: name of the CRM } } }")
	}
}
