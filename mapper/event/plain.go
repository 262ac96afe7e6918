package event

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// plain reads d.text, which is valid UTF-8, in one pass. It knows all of JSON
// that events are made of and gives up, answering false, at whatever it does not
// know or is wrong: then the whole event is read again by jsontext, which says
// what there is to say. Where plain answers true, both give the same tree; a fuzz
// target compares them.
func (d *Decoder) plain() bool {
	d.at = 0
	if !d.plainValue(&d.tree.Root, 0) {
		return false
	}
	d.space()
	return d.at == len(d.text)
}

// space passes over white space.
func (d *Decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// peek is the next byte that is no white space, 0 at the end.
func (d *Decoder) peek() byte {
	if d.at < len(d.text) && d.text[d.at] > ' ' {
		return d.text[d.at]
	}
	d.space()
	if d.at < len(d.text) {
		return d.text[d.at]
	}
	return 0
}

// plainValue reads the next value into n, whose name stays.
func (d *Decoder) plainValue(n *Node, depth int) (ok bool) {
	switch c := d.peek(); c {
	case '"':
		n.Kind = Text
		n.Text, ok = d.plainText()
		return ok
	case '{', '[':
		n.Kind = jsontext.Kind(c)
		if depth == MaxDepth {
			return false
		}
		n.Kids, ok = d.plainKids(c == '{', depth)
		return ok
	case 'n':
		n.Kind = Null
		return d.word("null")
	case 't':
		n.Kind = True
		return d.word("true")
	case 'f':
		n.Kind = False
		return d.word("false")
	default:
		n.Kind = Number
		n.Text, ok = d.plainNumber()
		return ok
	}
}

func (d *Decoder) word(w string) bool {
	if !strings.HasPrefix(d.text[d.at:], w) {
		return false
	}
	d.at += len(w)
	return true
}

// plainKids reads the members of an object or the items of a list, from its
// opening bracket to the closing one.
func (d *Decoder) plainKids(members bool, depth int) ([]Node, bool) {
	end := byte(']')
	if members {
		end = '}'
	}
	d.at++
	start := len(d.stack)
	for c := d.peek(); c != end; {
		var kid Node
		if members {
			if c != '"' {
				return nil, false
			}
			var ok bool
			if kid.Name, ok = d.plainText(); !ok || d.peek() != ':' {
				return nil, false
			}
			d.at++
		}
		if !d.plainValue(&kid, depth+1) {
			return nil, false
		}
		d.stack = append(d.stack, kid)
		switch c = d.peek(); c {
		case end:
		case ',':
			d.at++
			if c = d.peek(); c == end {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	d.at++
	kids := d.keep(d.stack[start:], members)
	d.stack = d.stack[:start]
	return kids, true
}

// plainText reads a string, without a copy where nothing in it is escaped.
func (d *Decoder) plainText() (string, bool) {
	begin := d.at + 1
	escaped := false
	for i := begin; i < len(d.text); i++ {
		switch c := d.text[i]; {
		case c == '"':
			d.at = i + 1
			if !escaped {
				return d.text[begin:i], true
			}
			text, err := jsontext.AppendUnquote(nil, d.text[begin-1:i+1])
			return string(text), err == nil
		case c == '\\':
			escaped = true
			i++ // what is escaped, a quote too, ends nothing
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// plainNumber reads a number as RFC 8259 writes them.
func (d *Decoder) plainNumber() (string, bool) {
	begin := d.at
	if d.at < len(d.text) && d.text[d.at] == '-' {
		d.at++
	}
	switch first := d.at; {
	case d.digits() == 0, d.text[first] == '0' && d.at > first+1:
		return "", false
	}
	if d.at < len(d.text) && d.text[d.at] == '.' {
		d.at++
		if d.digits() == 0 {
			return "", false
		}
	}
	if d.at < len(d.text) && d.text[d.at]|0x20 == 'e' {
		d.at++
		if d.at < len(d.text) && (d.text[d.at] == '+' || d.text[d.at] == '-') {
			d.at++
		}
		if d.digits() == 0 {
			return "", false
		}
	}
	return d.text[begin:d.at], true
}

// digits passes over digits and counts them.
func (d *Decoder) digits() int {
	begin := d.at
	for d.at < len(d.text) && '0' <= d.text[d.at] && d.text[d.at] <= '9' {
		d.at++
	}
	return d.at - begin
}
