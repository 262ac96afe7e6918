package rules

import (
	"fmt"
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/personal"
	"relay/mapper/zone"
)

// settings reads the keys that have a single value.
func (p *parser) settings(o *strictyaml.Object) {
	m := p.m
	if v, ok := p.key(o, "timezone"); ok {
		if text, ok := p.nonBlankText(v); ok {
			loc, err := zone.Parse(text)
			if err != nil {
				v.Errorf("%s is not a time zone", v.Written()).WithHint("%v", err)
			} else {
				m.Times.Loc, m.Times.LocSet = loc, true
			}
		}
	}
	p.timeFormat(o)
	if v, ok := p.key(o, "correct_clock_skew"); ok {
		m.CorrectSkew, _ = v.Bool()
	}
	if v, ok := p.key(o, "unmatched"); ok {
		text, _ := p.oneOf(v, "skip", "hold")
		m.HoldUnmatched = text == "hold"
	}
	if v, ok := p.key(o, "consent"); ok {
		for _, item := range v.OneOrList() {
			if text, ok := p.eventName(item, "the consent category, such as advertising"); ok {
				m.Consent = append(m.Consent, text)
			}
		}
		if len(v.OneOrList()) == 0 {
			v.Errorf("names no category").WithHint("write the consent category, or remove the key")
		}
	}
	if v, ok := p.key(o, "upload_tag"); ok {
		m.UploadTag = p.tag(v)
	}
}

// valueFields reads value_field.
func (p *parser) valueFields(o *strictyaml.Object) {
	p.m.Revenue = []Source{mustSource("properties.revenue")}
	v, ok := p.key(o, "value_field")
	if !ok {
		p.m.ValueField = []Source{mustSource("properties.value")}
		return
	}
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("names no property").WithHint("write value or price")
	}
	for _, item := range items {
		text, ok := p.eventName(item, "value, price or the name of a property")
		if !ok {
			continue
		}
		known := []string{"value", "price"}
		if near := nearMiss(text, known); near != "" && !slices.Contains(known, text) {
			item.Errorf("%s is neither value nor price", item.Written()).WithHint("did you mean %q?", near)
			continue
		}
		if !strings.HasPrefix(text, "properties.") {
			text = "properties." + text
		}
		if src, ok := p.pathSource(item, text); ok {
			p.m.ValueField = append(p.m.ValueField, src)
		}
	}
}

// limitedUse reads limited_data_use: false, true, or country and state.
func (p *parser) limitedUse(o *strictyaml.Object) {
	v, ok := p.key(o, "limited_data_use")
	if !ok {
		return
	}
	if v.Kind() != strictyaml.ObjectKind {
		on, ok := v.Bool()
		if ok && on {
			p.m.LimitedUse = &LimitedUse{}
			v.Warnf("true lets Meta determine the customer's location, but events from tills have no IP address for that").
				WithHint("write { country: 1, state: 1000 }: 1 is the USA, 1000 California")
		}
		return
	}
	fields, _ := v.Object()
	use := LimitedUse{}
	for _, f := range []struct {
		name string
		into *int
	}{{"country", &use.Country}, {"state", &use.State}} {
		if v, ok := fields.Need(f.name); ok {
			n, _ := v.Int()
			*f.into = int(n)
			if !meta.LimitedUsePlace(int64(use.Country), int64(use.State)) {
				v.Errorf("%d is not one of Meta's numbers", n).WithHint("country is 1 (USA) or 0; state is 0 or one of %s", limitedUseStates())
				use = LimitedUse{}
			}
		}
	}
	fields.Done()
	p.m.LimitedUse = &use
}

// limitedUseStates lists the states that limited_data_use accepts.
func limitedUseStates() string {
	var out []string
	for _, s := range meta.States() {
		out = append(out, fmt.Sprintf("%d (%s)", s.Number, s.Code))
	}
	return strings.Join(out, ", ")
}

// matchKeys reads the sources that replace the built-in ones.
func (p *parser) matchKeys(o *strictyaml.Object) {
	for k := range match.Count {
		for _, text := range match.Table[k].From {
			p.m.Keys[k] = append(p.m.Keys[k], keySource(k, mustSource(text)))
		}
	}
	v, ok := p.key(o, "match_keys")
	if !ok {
		return
	}
	keys, ok := v.Object()
	if !ok {
		return
	}
	for k := range match.Count {
		v, ok := keys.Field(match.Table[k].Name)
		if !ok {
			continue
		}
		p.m.Keys[k] = nil
		if v.IsNull() {
			v.Errorf("names no source").WithHint("write a path such as context.traits.%s, or [] to send none", match.Table[k].Name)
		}
		for _, src := range p.keySources(k, v) {
			p.m.Keys[k] = append(p.m.Keys[k], keySource(k, src))
		}
	}
	for id := range meta.Identifiers {
		if v, ok := keys.Field(meta.Identifiers[id].Name); ok {
			p.m.Identifiers[id] = p.someSources(v, isIdentifier(&meta.Identifiers[id]))
		}
	}
	keys.Done(func(name string) string {
		for k := range match.Table {
			if t := &match.Table[k]; (name == t.Conversions || slices.Contains(t.Offline, name)) && name != t.Name {
				return fmt.Sprintf("write %s, the plain name of the key", t.Name)
			}
		}
		return ""
	})
}

// keySources reads the sources of a key, or { all: [...] }, which uses all of them.
func (p *parser) keySources(k match.Key, v strictyaml.Value) []Source {
	if v.Kind() != strictyaml.ObjectKind {
		return p.sources(v, p.isKeyValue(k))
	}
	o, _ := v.Object()
	all, ok := o.Field("all")
	if !ok {
		return p.sources(v, p.isKeyValue(k))
	}
	o.Done()
	if !k.Hashed() {
		v.Errorf("%s has one value", match.Table[k].Name).WithHint("list the sources without all: the first one with a value is used")
	}
	p.m.AllOf[k] = true
	return p.someSources(all, p.isKeyValue(k))
}

// keySource marks a source that is a full name, for the keys that use a part of it.
func keySource(k match.Key, src Source) Source {
	src.FullName = (k == match.FirstName || k == match.LastName) && src.Constant == nil && src.Expr == nil &&
		slices.Contains(fullNames, src.Path.Last())
	return src
}

// customData reads custom_data.
func (p *parser) customData(o *strictyaml.Object) {
	v, ok := p.key(o, "custom_data")
	if !ok {
		return
	}
	p.m.custom = p.customRules(v)
}

// customRules reads the rules of custom_data, of the mapping or of one event.
func (p *parser) customRules(v strictyaml.Value) (out Custom) {
	rules, ok := v.Object()
	if !ok {
		return out
	}
	out.Exclude = p.propertyPaths(rules, "exclude")
	out.Keep = p.propertyPaths(rules, "keep")
	if _, ok := rules.Field("only"); ok {
		if out.Only = p.propertyPaths(rules, "only"); out.Only == nil {
			out.Only = []event.Path{} // an empty list: nothing is sent
		}
	}
	if v, ok := rules.Field("set"); ok {
		if fields, ok := v.Object(); ok {
			for _, f := range fields.Fields() {
				out.Set = append(out.Set, p.setField(f, out.Keep))
			}
		}
	}
	rules.Done()
	return out
}

// setField reads a field of custom_data.set. Paths in keep are allowed to be personal.
func (p *parser) setField(f strictyaml.Field, keep []event.Path) SetField {
	name := f.Name
	switch {
	case strings.TrimSpace(name) == "":
		f.Key.Errorf("a field needs a name")
	case CustomData[name].Writer == meta.Rules:
		f.Key.Errorf("%s is set by relay itself", name).WithHint("%s", reservedHint(name))
	case personal.Name(name, false, false).Personal:
		f.Key.Errorf("personal data is never sent in custom_data").WithHint("customer data belongs under match_keys, where it is hashed")
	}
	line, _ := f.Key.Pos()
	sources := p.someSources(f.Value, isFieldOf(name))
	for _, src := range sources {
		if src.Path.Text != "" {
			kept := slices.ContainsFunc(keep, func(k event.Path) bool { return k.Text == src.Path.Text })
			p.setPaths = append(p.setPaths, setPath{f.Value, src.Path, kept})
		}
	}
	return SetField{Name: name, Sources: sources, Line: line}
}

// isPersonalPath reports whether a path leads to personal data, judged by the names in it:
// properties.first_name, or properties.customer.name in an object about a person.
func isPersonalPath(path *event.Path) bool {
	within := false
	for i, name := range path.Names() {
		class := personal.Name(name, i == 1 && !within, within)
		if i > 0 && class.Personal && (class.AnyValue || !class.Place) {
			return true
		}
		within = class.Person
	}
	return false
}

// checkSetPaths reports the paths in custom_data.set whose values cannot be sent. The match keys
// must have been read.
func (p *parser) checkSetPaths() {
	for i := range p.setPaths {
		s := &p.setPaths[i]
		switch {
		case p.isKeySource(s.path.Text):
			s.at.Warnf("%s is a source of a match key: it is hashed there and left out of custom_data", s.path.Text)
		case !s.kept && isPersonalPath(&s.path):
			s.at.Errorf("%s is personal data, which is never sent in custom_data", s.path.Text).
				WithHint("customer data belongs under match_keys, where it is hashed; if it is not personal, list it under custom_data.keep too")
		case s.path.Has("traits"):
			s.at.Warnf("sends a trait of the customer unhashed")
		}
	}
}

// isKeySource reports whether a path is a source of a match key.
func (p *parser) isKeySource(path string) bool {
	for k := range p.m.Keys {
		if slices.ContainsFunc(p.m.Keys[k], func(s Source) bool { return s.Path.Text == path }) {
			return true
		}
	}
	return false
}

// propertyPaths reads names and paths of properties.
func (p *parser) propertyPaths(o *strictyaml.Object, name string) []event.Path {
	v, ok := o.Field(name)
	if !ok {
		return nil
	}
	var out []event.Path
	for _, item := range v.OneOrList() {
		text, ok := p.nonBlankText(item)
		if !ok {
			continue
		}
		if !strings.HasPrefix(text, "properties.") && !strings.HasPrefix(text, "properties[") {
			if strings.HasPrefix(text, "[") {
				text = "properties" + text
			} else {
				text = "properties." + text
			}
		}
		if strings.Contains(text, "*") && !strings.Contains(text, "[") {
			item.Errorf("%s contains a wildcard, but a path names one property", item.Written()).WithHint("to send all properties that are not personal, remove the key; otherwise list each one")
			continue
		}
		compiled, err := event.ParsePath(text)
		if err != nil {
			item.Errorf("%v", err)
			continue
		}
		out = append(out, compiled)
	}
	return out
}
