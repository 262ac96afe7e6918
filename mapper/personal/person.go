package personal

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"relay/mapper/fold"
)

// The minimum length of customer data that is searched for in texts. Shorter data would match
// ordinary words.
const (
	minID     = 6 // letters and digits
	minSingle = 4 // letters of a first or last name alone
	minPhrase = 5 // letters of a street or full name

	minBlankless = 3 // characters of one in Han, Hangul or Kana
)

// Person holds the data of an event's customer, to find it in other texts of the event.
// Reset prepares it for the next event and keeps its buffers. It is not safe for concurrent
// use.
type Person struct {
	room   []byte
	parts  []part
	text   []byte // the text being searched, folded
	bounds []bool
	births [maxBirths]day
	born   int // number of entries in births
}

// maxBirths is the maximum number of dates of birth, which come from traits and match keys.
const maxBirths = 3

// part is a text to search for: room[from:to], folded.
type part struct {
	from, to int
	single   bool // a first or last name alone
	address  bool // a full name, address, phone number or birth date: must not appear in an id
}

// Reset discards the data of the person.
func (p *Person) Reset() {
	clear(p.room)
	clear(p.text[:cap(p.text)])
	p.room, p.parts, p.text, p.born = p.room[:0], p.parts[:0], p.text[:0], 0
	clear(p.births[:])
}

// Kept returns the size of the buffers in bytes.
func (p *Person) Kept() int { return cap(p.room) + cap(p.text) + cap(p.bounds) + cap(p.parts) }

// maxParts limits what is searched for in each text.
const maxParts = 48

// add turns what was appended to room after from into a part.
func (p *Person) add(from, least int, single, address bool) {
	b := p.room[from:]
	if utf8.RuneCount(b) < least || len(p.parts) == maxParts {
		p.room = p.room[:from]
		return
	}
	for i := range p.parts {
		if q := &p.parts[i]; q.single == single && bytes.Equal(p.room[q.from:q.to], b) {
			q.address = q.address || address
			p.room = p.room[:from]
			return
		}
	}
	p.parts = append(p.parts, part{from, len(p.room), single, address})
}

// maxPartLen is the longest text, in bytes, that is searched for.
const maxPartLen = 200

func (p *Person) fold(text string, least int, single, address bool) {
	if len(text) <= maxPartLen {
		from := len(p.room)
		p.room = appendFold(p.room, text)
		p.add(from, least, single, address)
	}
}

// Phrase adds a street, or another text of several words.
func (p *Person) Phrase(text string) {
	least := minPhrase
	if r, _ := utf8.DecodeRuneInString(text); blankless(r) {
		least = minBlankless
	}
	p.fold(text, least, false, true)
}

// Digits adds a phone number or a date of which only the digits are known.
func (p *Person) Digits(text string) {
	if len(text) > maxPartLen {
		return
	}
	from := len(p.room)
	for i := range len(text) {
		if isDigit(text[i]) {
			p.room = append(p.room, text[i])
		}
	}
	if n := len(p.room) - from; n > 0 && n <= maxDigits && text[0] == '+' {
		number := string(p.room[from:])
		p.room = p.room[:from]
		p.Phone(number)
		return
	}
	p.add(from, minDigits, false, len(p.room)-from > len("20060102"))
}

// ID adds an id of the customer.
func (p *Person) ID(text string) { p.fold(text, minID, false, false) }

// Name adds a name of the customer. first or last can be "".
func (p *Person) Name(first, last string) {
	if len(first) > maxPartLen {
		first = ""
	}
	if len(last) > maxPartLen {
		last = ""
	}
	p.text = appendFold(p.text[:0], first)
	n := len(p.text)
	p.text = appendFold(p.text, last)
	f, l := p.text[:n], p.text[n:]
	if first != "" && last != "" && len(first)+len(last) <= maxPartLen {
		for _, pair := range [...][2][]byte{{f, l}, {l, f}} {
			from := len(p.room)
			p.room = append(append(p.room, pair[0]...), pair[1]...)
			p.add(from, minFull(p.room[from:]), false, true)
		}
	}
	for _, one := range [...][]byte{f, l} {
		from := len(p.room)
		p.room = append(p.room, one...)
		p.add(from, minSingle, true, false)
	}
}

// minFull returns the minimum length of a full name.
func minFull(b []byte) int {
	if r, _ := utf8.DecodeRune(b); blankless(r) {
		return 2
	}
	return minSingle
}

// Phone adds a phone number in E.164 digits without the plus.
func (p *Person) Phone(e164 string) {
	if len(e164) < minDigits {
		return
	}
	national := e164[countryCode(e164):]
	for _, written := range [...][2]string{{"", e164}, {"00", e164}, {"", national}, {"0", national}} {
		from := len(p.room)
		p.room = append(append(p.room, written[0]...), written[1]...)
		p.add(from, minDigits, false, true)
	}
}

// countryCode returns the number of digits of a number's country code, or 0 if the code is not
// assigned.
func countryCode(e164 string) int {
	for n := 1; n <= maxCountryCode && n < len(e164); n++ {
		if code, err := strconv.Atoi(e164[:n]); err == nil && phonenumbers.GetRegionCodeForCountryCode(code) != phonenumbers.UNKNOWN_REGION {
			return n // no code is the start of another one
		}
	}
	return 0
}

// maxCountryCode is the length of the longest country code in digits (ITU E.164).
const maxCountryCode = 3

// BirthDate adds a date of birth in the form YYYYMMDD.
func (p *Person) BirthDate(date string) {
	if len(date) != len("20060102") {
		return
	}
	y, m, d := date[:4], date[4:6], date[6:]
	if born := (day{number(y), number(m), number(d)}); p.born < maxBirths && !slices.Contains(p.births[:p.born], born) {
		p.births[p.born] = born
		p.born++
	}
	m1, d1 := strings.TrimPrefix(m, "0"), strings.TrimPrefix(d, "0")
	for _, s := range []string{y + m + d, d + m + y, m + d + y, y + m1 + d1, d1 + m1 + y, m1 + d1 + y} {
		p.fold(s, minID, false, true)
	}
}

// Holds reports whether a text contains data of the person, at word boundaries and in any
// spelling. single: it contains only a first or last name. is: the whole text is that name.
func (p *Person) Holds(text string) (holds, single, is bool) {
	if len(p.parts) == 0 {
		return false, false, false
	}
	if p.born > 0 && p.holdsBirthDate(text) {
		return true, false, false
	}
	return p.holds(text, false)
}

// HoldsAddress reports whether a text contains the person's full name, phone number, street or
// date of birth in digits, which an id must not reveal. Ids of the person are ignored, because
// they can be part of other ids.
func (p *Person) HoldsAddress(text string) bool {
	if len(p.parts) == 0 {
		return false
	}
	for text := range fold.Layers(text) {
		if holds, _, _ := p.holds(text, true); holds {
			return true
		}
	}
	return false
}

func (p *Person) holds(text string, addresses bool) (holds, single, is bool) {
	p.text = appendFold(p.text[:0], text)
	bounded := false
	for i := range p.parts {
		q := &p.parts[i]
		if addresses && !q.address {
			continue
		}
		what := p.room[q.from:q.to]
		if len(what) > len(p.text) || !bytes.Contains(p.text, what) {
			continue
		}
		if !bounded {
			p.bound(text)
			bounded = true
		}
		if !p.contains(what) {
			continue
		}
		if !q.single {
			return true, false, false
		}
		holds, single, is = true, true, is || len(what) == len(p.text)
	}
	return holds, single, is
}

// bound folds text again and stores where words begin and end. A change between a script
// without blanks and another script is a boundary too.
func (p *Person) bound(text string) {
	p.text, p.bounds = p.text[:0], append(p.bounds[:0], true)
	in := false
	for len(text) > 0 {
		first, _ := utf8.DecodeRuneInString(text)
		end := strings.IndexFunc(text, func(r rune) bool {
			return !isOfWord(r) || blankless(r) != blankless(first) && !unicode.Is(unicode.M, r)
		})
		switch {
		case end < 0:
			end = len(text)
		case end == 0:
			_, size := utf8.DecodeRuneInString(text)
			text, in = text[size:], false
			continue
		}
		from := len(p.text)
		p.text = appendFold(p.text, text[:end])
		p.bounds = append(p.bounds, make([]bool, len(p.text)-from)...)
		p.bounds[from], p.bounds[len(p.text)] = p.bounds[from] || !in, true
		if n := leadingDigits(text[:end]); n > 0 && BeginsExtension(text[n:end]) { // of a phone number
			p.bounds[from+n] = true
		}
		text, in = text[end:], true
	}
}

func leadingDigits(text string) (n int) {
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	return n
}

func isOfWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// contains reports whether what occurs in p.text at word boundaries.
func (p *Person) contains(what []byte) bool {
	first, _ := utf8.DecodeRune(what)
	last, _ := utf8.DecodeLastRune(what)
	for at := 0; ; at++ {
		i := bytes.Index(p.text[at:], what)
		if i < 0 {
			return false
		}
		at += i
		if (p.bounds[at] || blankless(first)) && (p.bounds[at+len(what)] || blankless(last)) {
			return true
		}
	}
}

// blankless reports whether r belongs to a script without blanks between words.
func blankless(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// Words returns the number of words in a text that consist of letters.
func Words(text string) (n int) {
	in := false
	for _, r := range text {
		letter := unicode.IsLetter(r) || unicode.Is(unicode.M, r) || in && (r == '\'' || r == '’' || r == '.' || r == '-')
		if letter && !in {
			n++
		}
		in = letter
	}
	return n
}
