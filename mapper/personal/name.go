package personal

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// NameClass says what the name of a property, and of the object that contains it, reveal about
// the property's value.
type NameClass struct {
	// AnyValue: any value is personal. If false, true and false are not personal.
	AnyValue bool
	// Personal: the value is personal.
	Personal bool
	// Place: the value is part of an address, or one of few possible values, such as a gender.
	Place bool
	// Person: the property is named after a person (customer, buyer). Text of several words
	// is that person's name.
	Person bool
	// OneWord: text of one word is a name, too.
	OneWord bool
}

// maxName is the longest property name, in bytes, that is read as words.
const maxName = 256

// Name classifies the name of a property. top: the property belongs to the event itself.
// within: it belongs to an object about a person.
func Name(name string, top, within bool) (n NameClass) {
	if len(name) > maxName {
		return n
	}
	var room [96]byte
	var space [12]class
	r := reader{buf: room[:0], classes: space[:0]}
	r.read(name)
	known := words[string(r.buf)]
	if known&(thing|strong) == thing {
		return n // iPhone
	}
	alone := known & (strong | weak)
	if alone != 0 || r.personal() || r.script && r.inScripts(top || within) {
		return NameClass{AnyValue: alone != 0, Personal: true, Place: known&weak != 0}
	}
	whole := whole[string(r.buf)] || (top || within) && (wholePlaces[string(r.buf)] || isAddressLine(name)) || r.isTheirAddressLine(name) || within && wholeTheirs[string(r.buf)]
	switch {
	case whole, r.halves(top || within):
		n.Personal = true
	case known&who != 0, r.script && slices.Contains(scriptsWho, composed(r.buf)):
		n.Person, n.OneWord = true, true
	case (top || within) && known&place != 0, r.places(top || within), within && r.all(naming|link|partial) && r.any(naming):
		n.Personal, n.Place = true, r.any(place)
	case len(r.classes) > 0 && r.classes[len(r.classes)-1]&person != 0, r.any(person) && r.all(person|link):
		n.Person = true
	}
	return n
}

// reader splits a name into words.
type reader struct {
	buf     []byte  // the folded words, joined
	classes []class // the class of each word
	script  bool    // has letters of a script that writes no blanks
}

// read finds the words. A word ends before a character that is not a letter, and between a
// small and a capital letter.
func (r *reader) read(name string) {
	for len(name) > 0 {
		start := strings.IndexFunc(name, unicode.IsLetter)
		if start < 0 {
			return
		}
		name = name[start:]
		end := wordEnd(name)
		from := len(r.buf)
		r.buf = appendFold(r.buf, name[:end])
		r.script = r.script || len(r.buf) > from && r.buf[len(r.buf)-1] >= utf8.RuneSelf
		r.word(r.buf[from:])
		name = name[end:]
	}
}

// wordEnd returns the end of the first word of a name.
func wordEnd(name string) int {
	var last, before rune
	at := 0 // where last begins
	for i, c := range name {
		switch {
		case unicode.Is(unicode.M, c):
			continue
		case !unicode.IsLetter(c):
			return i
		case unicode.IsUpper(c) && unicode.IsLower(last):
			return i
		case unicode.IsLower(c) && unicode.IsUpper(last) && unicode.IsUpper(before):
			return at // IPAddress
		}
		before, last, at = last, c, i
	}
	return len(name)
}

// word appends the class of a word, or the classes of its parts if it is a compound.
func (r *reader) word(w []byte) {
	if c := words[string(w)]; c != 0 || len(w) > maxWord {
		r.classes = append(r.classes, c)
		return
	}
	before := len(r.classes)
	var failed uint64
	if r.compound(w, 0, &failed) {
		if parts := r.classes[before:]; slices.ContainsFunc(parts, func(c class) bool { return c&(strong|person|birth|place|partial) != 0 }) {
			return
		}
	}
	r.classes = append(r.classes[:before], 0)
}

// maxWord is the longest word, in bytes, that is split into parts. maxPart is the length of the
// longest word in the lists.
const (
	maxWord = 48
	maxPart = 26
)

// compound splits a word into known words, the longest first. failed has a bit for each
// position from which the rest cannot be split.
func (r *reader) compound(w []byte, at int, failed *uint64) bool {
	if at == len(w) {
		return true
	}
	if *failed&(1<<at) != 0 {
		return false
	}
	for n := min(maxPart, len(w)-at); n >= 2; n-- {
		c := words[string(w[at:at+n])]
		if c == 0 {
			continue
		}
		r.classes = append(r.classes, c)
		if r.compound(w, at+n, failed) {
			return true
		}
		r.classes = r.classes[:len(r.classes)-1]
	}
	*failed |= 1 << at
	return false
}

func (r *reader) any(c class) bool {
	return slices.ContainsFunc(r.classes, func(w class) bool { return w&c != 0 })
}

func (r *reader) all(c class) bool {
	return !slices.ContainsFunc(r.classes, func(w class) bool { return w&c == 0 })
}

// last returns the index of the last word of a class, or -1.
func (r *reader) last(c class) int {
	for i, w := range slices.Backward(r.classes) {
		if w&c != 0 {
			return i
		}
	}
	return -1
}

// personal reports whether the words of a name are personal in any object.
func (r *reader) personal() bool {
	n := len(r.classes)
	if n == 0 {
		return false
	}
	aboutIt := n > 1 && (r.classes[n-1]&(about|strong) == about || r.classes[0]&(about|thing|strong) == about|thing)
	switch {
	case r.any(strong) && !aboutIt:
		return true
	case r.any(weak) && r.all(weak|strong|person|link):
		return true
	case r.any(birth) && (r.any(date) && !aboutIt || r.all(birth|person|link)):
		return true
	case !r.any(naming):
		return false
	case r.any(partial) && !r.any(thing):
		return true
	}
	who, what := r.last(person), r.last(thing)
	if who < 0 {
		return false
	}
	// customer_group_name and nombre_grupo_cliente are names of a group, order_customer_name is
	// not.
	name := r.last(naming)
	return what < 0 || what < who && (name > who || what < name)
}

// halves reports whether the name is that of a first or last name.
func (r *reader) halves(theirs bool) bool {
	n := len(r.classes)
	return n > 0 && r.classes[n-1]&half != 0 && r.all(half|person) && (theirs || r.any(person))
}

// isAddressLine reports whether the name is that of an address line: line1, line_2.
func isAddressLine(name string) bool {
	n := len(name)
	return n >= len("line1") && n <= len("line_1") && name[n-1] >= '1' && name[n-1] <= '4' && strings.EqualFold(strings.TrimRight(name[:n-1], "_ "), "line")
}

// isTheirAddressLine reports whether the name is that of a line of a person's address:
// billing_line1, shipToLine2.
func (r *reader) isTheirAddressLine(name string) bool {
	n := len(name)
	return n > 0 && name[n-1] >= '1' && name[n-1] <= '4' && bytes.HasSuffix(r.buf, []byte("line")) && r.any(person) && r.all(person|link)
}

// places reports whether the name is that of a part of a person's address.
func (r *reader) places(theirs bool) bool {
	return r.any(place) && r.all(place|person|link) && (theirs || r.any(person))
}

// inScripts is personal for names in scripts that write no blanks.
func (r *reader) inScripts(theirs bool) bool {
	name := composed(r.buf)
	holds := func(s string) bool { return strings.Contains(name, s) }
	switch {
	case slices.ContainsFunc(scriptThings, holds):
		return false
	case slices.Contains(scriptsAlone, name), slices.ContainsFunc(scripts, holds):
		return true
	}
	return theirs && slices.ContainsFunc(scriptPlaces, func(s string) bool { return s == name || utf8.RuneCountInString(s) > 1 && holds(s) })
}

// composed returns a folded name with complete Hangul syllables, so that none is found in parts
// of others.
func composed(name []byte) string { return string(norm.NFC.Bytes(name)) }

// appendFold appends text as words are compared: letters and digits in lower case without
// accents; ß as ss, ø as o, ł as l, ı as i, ς as σ.
func appendFold(dst []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			return foldLatin(dst, text[i:])
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			dst = append(dst, c)
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		}
	}
	return dst
}

// foldLatin is appendFold with a table for Latin letters.
func foldLatin(dst []byte, text string) []byte {
	for i, r := range text {
		switch {
		case r < endOfLatin:
			dst = append(dst, latin[r]...)
		default:
			return foldOther(dst, text[i:])
		}
	}
	return dst
}

// endOfLatin is the first code point after Latin Extended-A.
const endOfLatin = 0x180

var latin = func() (of [endOfLatin]string) {
	for r := range rune(endOfLatin) {
		of[r] = string(foldOther(nil, string(r)))
	}
	return of
}()

func foldOther(dst []byte, text string) []byte {
	var it norm.Iter
	it.InitString(norm.NFKD, text)
	for !it.Done() {
		for _, c := range string(it.Next()) {
			switch c = unicode.ToLower(c); c {
			case 'ß':
				dst = append(dst, "ss"...)
			case 'æ':
				dst = append(dst, "ae"...)
			case 'œ':
				dst = append(dst, "oe"...)
			case 'ø':
				dst = append(dst, 'o')
			case 'ł':
				dst = append(dst, 'l')
			case 'đ', 'ð':
				dst = append(dst, 'd')
			case 'þ':
				dst = append(dst, "th"...)
			case 'ı':
				dst = append(dst, 'i')
			case 'ς':
				dst = append(dst, "σ"...)
			default:
				if unicode.IsLetter(c) || unicode.IsDigit(c) || c == 'ー' {
					dst = utf8.AppendRune(dst, c)
				}
			}
		}
	}
	return dst
}
