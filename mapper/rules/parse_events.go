package rules

import (
	"slices"
	"strings"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/match"
)

// list reads events, lead or complete_registration.
func (p *parser) list(o *strictyaml.Object, list string) {
	v, ok := p.key(o, list)
	if !ok {
		return
	}
	events, ok := v.Object()
	if !ok {
		return
	}
	for _, f := range events.Fields() {
		if strings.TrimSpace(f.Name) == "" {
			f.Key.Errorf("an event needs a name")
			continue
		}
		if strings.Contains(f.Name, "*") {
			f.Key.Warnf("* is not a wildcard in event names").WithHint("name each event")
		}
		if near := nearMiss(f.Name, builtinEvents()); near != "" && !slices.Contains(builtinEvents(), f.Name) && list == ListEvents {
			f.Key.Warnf("is not a known event, but similar to one").WithHint("did you mean %q? Names match exactly", near)
		} else if strings.TrimSpace(f.Name) != f.Name {
			f.Key.Warnf("starts or ends with white space; names match exactly")
		}
		p.event(list, f)
	}
}

// event reads the targets of one event: an event set, a list of them, or the long form, which
// can also be an item of a list.
func (p *parser) event(list string, f strictyaml.Field) {
	items := f.Value.OneOrList()
	if len(items) == 0 {
		f.Value.Errorf("names no event set").WithHint("write the id of an event set, in quotes, or a name from event_sets")
		return
	}
	for _, item := range items {
		base := Route{List: list, Custom: &p.m.custom}
		base.Line, _ = item.Pos()
		to := []strictyaml.Value{item}
		if item.Kind() == strictyaml.ObjectKind {
			var ok bool
			if to, ok = p.longForm(item, &base); !ok {
				continue
			}
		}
		for _, target := range to {
			if set, ok := p.target(target); ok {
				r := base
				r.Set = set
				p.route(f, target, r)
			}
		}
	}
}

// longForm reads to, as, value and when.
func (p *parser) longForm(v strictyaml.Value, r *Route) (to []strictyaml.Value, ok bool) {
	o, ok := v.Object()
	if target, found := o.Need("to"); found {
		if to = target.OneOrList(); len(to) == 0 {
			target.Errorf("names no event set")
		}
	}
	if r.List == ListEvents {
		if as, found := o.Field("as"); found {
			p.conversionName(as, r)
		}
	}
	if value, found := o.Field("value"); found {
		p.amount = true
		r.Value = p.someSources(value, isAmount)
		p.amount = false
		for _, src := range r.Value {
			if src.Path.Many {
				value.Warnf("%s can lead to several amounts, but a conversion has one value", src.Path.Text).WithHint("write an expr that adds them up: { expr: \"sum(…)\" }")
			}
		}
	}
	if when, found := o.Field("when"); found {
		r.When, _ = p.expression(when, true)
	}
	p.routeSettings(o, r)
	o.Done(func(name string) string {
		if name == "as" {
			return "events under " + r.List + " get their name from it"
		}
		return ""
	})
	return to, ok
}

// routeSettings reads the settings of an event that override those of the mapping.
func (p *parser) routeSettings(o *strictyaml.Object, r *Route) {
	p.memberKeys(o.Field, &r.Members)
	if tag, found := o.Field("upload_tag"); found {
		r.UploadTag = p.tag(tag)
	}
	var own Custom
	custom, hasCustom := o.Field("custom_data")
	if hasCustom {
		own = p.customRules(custom)
	}
	preset, hasPreset := o.Field("preset")
	if hasPreset {
		p.preset(preset, r, &own)
	}
	if hasCustom || hasPreset {
		r.Custom = p.m.custom.and(&own)
	}
}

// conversionName reads as.
func (p *parser) conversionName(v strictyaml.Value, r *Route) {
	name, ok := p.unhashedText(v)
	if !ok {
		return
	}
	r.As = name
	if slices.Contains(meta.StandardEvents.Names, name) || name == other || name == "PageView" {
		return
	}
	if near := nearMiss(name, meta.StandardEvents.Names); near != "" {
		v.Warnf("%s is not one of Meta's names, but similar to one", v.Written()).WithHint("did you mean %q?", near)
	} else if p.m.api == meta.Offline {
		v.Warnf("%s is not one of Meta's names: the offline format sends Other", v.Written())
	}
}

// target reads the id or the name of an event set.
func (p *parser) target(v strictyaml.Value) (Set, bool) {
	text, ok := p.nonBlankText(v)
	if !ok {
		return Set{}, false
	}
	if set, ok := p.byName[text]; ok {
		return set, set.ID != ""
	}
	if set, ok := p.byID[text]; ok {
		return set, true
	}
	if isSetID(text) {
		set := Set{ID: text, API: p.m.api}
		p.byID[text] = set
		p.m.Sets = append(p.m.Sets, set)
		return set, true
	}
	if floatLike(text) {
		p.setID(v)
		return Set{}, false
	}
	var names []string
	for name := range p.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	problem := v.Errorf("no event set is called %s", v.Written())
	if near := nearMiss(text, names); near != "" {
		problem.WithHint("did you mean %q?", near)
	} else if strings.ContainsAny(text, "“”„‟«»‘’") {
		problem.WithHint("these are typographic quotes: write \" instead")
	} else {
		problem.WithHint("define it under event_sets, or write the id")
	}
	return Set{}, false
}

// route adds a route for an event.
func (p *parser) route(f strictyaml.Field, at strictyaml.Value, r Route) {
	routes := p.m.Events[f.Name]
	for _, have := range routes {
		if have.List == r.List && have.Set.ID == r.Set.ID {
			at.Errorf("%s already goes to event set %s", f.Name, r.Set.ID).WithHint("each list can send an event to an event set once")
			return
		}
	}
	if name := r.Name(f.Name, r.Set.API); name == f.Name {
		if why := p.whyPersonal(name); why != "" {
			at.Errorf("the event's name, which is also sent as the conversion's name, %s", why).WithHint("write the long form, { to: ..., as: ... }, with a name that identifies nobody")
			return
		}
	}
	if len(routes) == 0 {
		p.m.EventNames = append(p.m.EventNames, f.Name)
	}
	p.m.Events[f.Name] = append(routes, r)
}

// warnSuspicious warns about settings that are legal but lose matches or sales.
func (p *parser) warnSuspicious(o *strictyaml.Object) {
	m := p.m
	if len(m.Events) == 0 {
		o.Value().Warnf("no event is mapped: nothing will be sent").WithHint("list events under events")
		return
	}
	p.warnMissingDefaults(o)
}

// warnMissingDefaults warns about missing defaults of event sets.
func (p *parser) warnMissingDefaults(o *strictyaml.Object) {
	m := p.m
	lacks := func(lack func(Defaults) bool, ask func(name string, r *Route) bool) (name string, found bool) {
		for _, name := range m.EventNames {
			for i := range m.Events[name] {
				if r := &m.Events[name][i]; lack(m.DefaultsOf(&r.Set)) && ask(name, r) {
					return name, true
				}
			}
		}
		return "", false
	}
	if _, found := lacks(func(d Defaults) bool { return d.Country == "" }, func(string, *Route) bool { return len(m.Keys[match.Phone]) > 0 }); found {
		o.Value().Warnf("no default_country: phone numbers without a country code are left out because they could never match").
			WithHint("write default_country: with the two-letter code of the shop's country")
	}
	if name, found := lacks(func(d Defaults) bool { return d.Currency == "" }, func(name string, r *Route) bool { return r.Name(name, r.Set.API) == Purchase }); found {
		o.Value().Warnf("no default_currency: a %q without a currency will be held, because Meta refuses a Purchase without one", name).
			WithHint("write default_currency: with the three-letter code of the till's currency")
	}
}
