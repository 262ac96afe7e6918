package mapper

import (
	"relay/internal/strictyaml"
	"relay/mapper/event"
)

// timeFormat reads time_format: one form of dates, or a list of them.
func (p *parser) timeFormat(o *strictyaml.Object) {
	v, ok := p.key(o, "time_format")
	if !ok {
		return
	}
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("names no form").WithHint(`write the moment 2 January 2006, 15:04:05 in your form, such as "02/01/2006 15:04"`)
	}
	for _, item := range items {
		text, ok := p.word(item)
		if !ok {
			continue
		}
		if err := event.TimeFormat(text); err != nil {
			item.Errorf("%s is no form of dates: %v", item.Written(), err)
			continue
		}
		p.m.times.Layouts = append(p.m.times.Layouts, text)
	}
	p.m.slashes = slashOrder(p.m.times.Layouts)
}
