package rules

import (
	"strings"
	"time"

	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/match"
)

// timeFormat reads time_format: a layout or a list of them.
func (p *parser) timeFormat(o *strictyaml.Object) {
	v, ok := p.key(o, "time_format")
	if !ok {
		return
	}
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("is empty").WithHint(`write the time 2 January 2006, 15:04:05 in your format, such as "02/01/2006 15:04"`)
	}
	for _, item := range items {
		text, ok := p.nonBlankText(item)
		if !ok {
			continue
		}
		if err := event.CheckTimeFormat(text); err != nil {
			item.Errorf("%s is not a time format: %v", item.Written(), err)
			continue
		}
		p.m.Times.Layouts = append(p.m.Times.Layouts, text)
	}
	p.m.Slashes = slashOrder(p.m.Times.Layouts)
}

// slashOrder returns the order of day and month that the layouts imply for birth dates with
// slashes or dashes.
func slashOrder(layouts []string) (order match.DateOrder) {
	for _, layout := range layouts {
		shown := time.Date(1944, 11, 22, 3, 5, 6, 0, time.UTC).Format(layout)
		var is match.DateOrder
		switch {
		case strings.Contains(shown, "44/"), strings.Contains(shown, "44-"):
			continue // the year first: says nothing about dates with the year last
		case strings.Contains(shown, "22/11"), strings.Contains(shown, "22-11"):
			is = match.DayFirst
		case strings.Contains(shown, "11/22"), strings.Contains(shown, "11-22"):
			is = match.MonthFirst
		default:
			continue
		}
		if order != match.AnyOrder && order != is {
			return match.AnyOrder
		}
		order = is
	}
	return order
}
