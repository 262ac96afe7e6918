package rules

import (
	"regexp"
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/event"
)

// memberKeys reads the keys that are allowed both in the mapping and in the long form of an
// event. field looks up each of them.
func (p *parser) memberKeys(field func(string) (strictyaml.Value, bool), m *Members) {
	if v, ok := field("action_source"); ok {
		m.ActionSource = p.actionSource(v)
	}
	for _, f := range []struct {
		name string
		into *[]Source
		is   constantCheck
	}{
		{"opt_out", &m.OptOut, isTruth},
		{"customer_segmentation", &m.Segmentation, oneOfWords(meta.Segmentations.Names)},
		{"referrer_url", &m.Referrer, isPageURL},
		{"event_source_url", &m.PageURL, isPageURL},
	} {
		if v, ok := field(f.name); ok {
			*f.into = p.someSources(v, f.is)
		}
	}
	if v, ok := field("original_event_data"); ok {
		if o, ok := v.Object(); ok {
			for i, name := range meta.OriginalEvent.Names {
				if v, ok := o.Field(name); ok {
					is := constantCheck(isID)
					if i == OriginalTime {
						is = p.isTime
					}
					m.Original[i] = p.someSources(v, is)
				}
			}
			o.Done()
		}
	}
}

// someSources reads one or more sources. An empty list is a mistake.
func (p *parser) someSources(v strictyaml.Value, is constantCheck) []Source {
	out := p.sources(v, is)
	if len(v.OneOrList()) == 0 {
		v.Errorf("names no source").WithHint("write a path such as properties.%s, or remove the key", v.Path()[strings.LastIndexByte(v.Path(), '.')+1:])
	}
	return out
}

// actionSource reads one of Meta's words, a path to one, or a list of these.
func (p *parser) actionSource(v strictyaml.Value) []Source {
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("names no action_source").WithHint("write physical_store, or a path such as properties.channel")
	}
	out := []Source{}
	for _, item := range items {
		if item.Kind() == strictyaml.ObjectKind {
			if src, ok := p.source(item, oneOfWords(meta.ActionSources.Names)); ok {
				out = append(out, src)
			}
			continue
		}
		text, ok := p.nonBlankText(item)
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
			item.Errorf("%s is not one of %s", item.Written(), strings.Join(meta.ActionSources.Names, ", ")).WithHint("write %s", meant)
			continue
		}
		if _, ok := p.oneOf(item, meta.ActionSources.Names...); !ok {
			continue
		}
		if text != PhysicalStore {
			item.Warnf("%s is not physical_store: Meta then accepts only events of the last 7 days", text)
		}
		line, _ := item.Pos()
		out = append(out, Source{Constant: &event.Node{Kind: event.Text, Text: text}, Line: line})
	}
	return out
}

// usualSources maps common words to the words of Meta that mean the same.
var usualSources = map[string]string{
	"store": PhysicalStore, "shop": PhysicalStore, "offline": PhysicalStore, "in_store": PhysicalStore, "instore": PhysicalStore, "pos": PhysicalStore, "retail": PhysicalStore,
	"web": "website", "online": "website", "ecommerce": "website", "phone": "phone_call", "call": "phone_call", "crm": "system_generated", "mail": "email",
}

var tagPlaceholder = regexp.MustCompile(`\{[^{}]*\}|[{}]`)

// tag reads an upload_tag: text that can contain {store} and {date}.
func (p *parser) tag(v strictyaml.Value) UploadTag {
	text, ok := p.unhashedText(v)
	if !ok {
		return ""
	}
	for _, place := range tagPlaceholder.FindAllString(text, -1) {
		if !slices.Contains(tagPlaceholders, place) {
			v.Errorf("%s: an upload_tag can only contain the placeholders {store} and {date}", v.Written()).
				WithHint("each distinct tag needs its own request: write {store} for the store's code or {date} for the day of the event")
			return ""
		}
	}
	return UploadTag(text)
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
	for i := range StoreMembers {
		if v, ok := fields.Field(StoreMembers[i].Name); ok {
			is := constantCheck(isPageID)
			if i == StoreCode {
				is = isStoreCode
			}
			p.m.Store[i] = p.someSources(v, is)
		}
	}
	fields.Done(func(name string) string {
		for _, m := range StoreMembers {
			if name == m.Member {
				return "write " + m.Name
			}
		}
		return ""
	})
}

// orderIDAt reads order_id_at.
func (p *parser) orderIDAt(o *strictyaml.Object) {
	p.m.OrderIDAt = atBoth
	if v, ok := p.key(o, "order_id_at"); ok {
		if text, ok := p.oneOf(v, string(atBoth), string(AtEvent), string(AtCustom)); ok {
			p.m.OrderIDAt = Place(text)
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
		text, ok := p.oneOf(item, ItemFieldNames[:]...)
		if !ok {
			continue
		}
		f := ItemField(slices.Index(ItemFieldNames[:], text))
		if slices.Contains(p.m.ItemFields, f) {
			item.Errorf("%s is listed twice", text)
			continue
		}
		p.m.ItemFields = append(p.m.ItemFields, f)
	}
}

// presetCRMLead is the preset for the stages of a lead in a CRM (docs/meta.md 4.3).
const presetCRMLead = "crm_lead"

// preset reads preset. The event must not set what the preset sets, so preset is read after the
// event's other keys.
func (p *parser) preset(v strictyaml.Value, r *Route, own *Custom) {
	if _, ok := p.oneOf(v, presetCRMLead); !ok {
		return
	}
	line, _ := v.Pos()
	word := func(text string) []Source {
		return []Source{{Constant: &event.Node{Kind: event.Text, Text: text}, Line: line}}
	}
	r.Stage = true
	if r.Members.ActionSource != nil {
		v.Errorf("%s sets action_source, so the event must not set it", presetCRMLead).WithHint("remove action_source, or the preset")
	}
	r.Members.ActionSource = word("system_generated")
	isSet := func(name string, rules *Custom) bool {
		return slices.ContainsFunc(rules.Set, func(f SetField) bool { return f.Name == name })
	}
	if isSet("event_source", own) {
		v.Errorf("%s sets custom_data.event_source, so the event must not set it", presetCRMLead).WithHint("remove it, or the preset")
	}
	own.Set = append(own.Set, SetField{Name: "event_source", Sources: word("crm"), Line: line})
	if !isSet("lead_event_source", own) && !isSet("lead_event_source", &p.m.custom) {
		v.Warnf("Meta expects the name of the CRM in lead_event_source, which only events with a property of that name have").
			WithHint("write custom_data: { set: { lead_event_source: { const: name of the CRM } } }")
	}
}
