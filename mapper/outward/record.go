package outward

import (
	"strings"
	"unicode/utf8"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/personal"
)

const whyRecord = "a text that holds a record, or a line such as Phone: …, with personal data; all of it is left out (custom_data.keep lets it through)"

// personalLines reports whether a text has a line, or a part between separators, of the form
// name: value with a personal name. The value can be on the next line.
func (f *Filter) personalLines(text string) bool {
	if !strings.ContainsAny(text, ":=：＝") {
		return false
	}
	open := "" // a name whose value has not followed yet
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ';' || r == '|' || r == ',' }) {
		at := strings.IndexAny(line, ":=：＝")
		if at <= 0 || at > maxLineName {
			if value := strings.Trim(line, " \t\"'"); value != "" && f.isPersonalPair(open, value) {
				return true
			} else if value != "" {
				open = ""
			}
			continue
		}
		_, size := utf8.DecodeRuneInString(line[at:])
		name, value := strings.Trim(line[:at], " \t\"'-*"), strings.Trim(line[at+size:], " \t\"'")
		switch open = ""; {
		case value == "":
			open = name
		case !match.IsPlaceholder(value) && f.isPersonalPair(name, value):
			return true
		}
	}
	return false
}

// maxLineName is the longest name before a colon, in bytes. Longer text is a sentence.
const maxLineName = 40

// personalMarkup reports whether a text has an XML element or attribute with a personal name:
// <firstName>Ada</firstName>, <customer phone="…"/>.
func (f *Filter) personalMarkup(text string) bool {
	for {
		start := strings.IndexByte(text, '<')
		if start < 0 {
			return false
		}
		text = text[start+1:]
		end := strings.IndexByte(text, '>')
		if end < 0 {
			return false
		}
		tag, rest := text[:end], text[end+1:]
		value, _, _ := strings.Cut(rest, "<")
		name, attributes, _ := strings.Cut(strings.TrimSuffix(tag, "/"), " ")
		_, local, found := strings.Cut(name, ":")
		if !found {
			local = name
		}
		if f.isPersonalPair(local, strings.TrimSpace(value)) {
			return true
		}
		for attribute := range strings.FieldsSeq(attributes) {
			name, value, _ := strings.Cut(attribute, "=")
			if f.isPersonalPair(name, strings.Trim(value, `"'`)) {
				return true
			}
		}
		text = rest
	}
}

// isPersonalPair reports whether a name inside a text makes its value personal. Names with few
// possible values, such as gender, are ignored because products have them too.
func (f *Filter) isPersonalPair(name, value string) bool {
	if name == "" || value == "" {
		return false
	}
	class := f.names.classify(name, false, false)
	return class.Personal && !class.Place || class.OneWord && personal.IsNameLike(value)
}

// record reports whether a text is a record (JSON, XML, lines or a query such as a=b&c=d) with
// a personal property name.
func (f *Filter) record(n *event.Node) bool {
	if strings.IndexByte(n.Text, '&') > 0 && strings.IndexByte(n.Text, '=') > 0 && strings.IndexByte(n.Text, ' ') < 0 {
		for member := range strings.SplitSeq(n.Text, "&") {
			name, value, _ := strings.Cut(member[strings.IndexByte(member, '?')+1:], "=")
			if value != "" && f.names.classify(name, false, false).Personal {
				return true
			}
		}
	}
	record := n.ParseJSONText()
	if record == n {
		return f.personalLines(n.Text) || f.personalMarkup(n.Text)
	}
	f.markWithin(record, false, 1)
	return record.HasMark(event.MarkPersonal)
}
