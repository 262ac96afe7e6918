package person

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"

	"relay/mapper"
	"relay/mapper/fold"
	"relay/mapper/people"
	"relay/mapper/personal"
)

// Bounds of one request.
const (
	maxLine  = 1 << 10 // bytes of a line
	maxLines = 1000
)

// Name identifies a person: one of the given lines.
type Name struct {
	at      int      // line number
	line    string   // as given, trimmed
	text    string   // as compared: folded, with fold.PlainPunctuation; only the address, if it is one
	others  []string // other spellings of an address or a GUID, folded
	address bool
	number  string     // the digits, if it is a bare number
	phone   bool       // could be a phone number
	style   phoneStyle // how the phone number is written; asPhone if it is not one
}

// lineError reports a line that cannot be searched for. It contains none of the line's text.
type lineError struct {
	Line int // 1 for the first
	Why  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d %s", e.Line, e.Why) }

// errNobody: all lines are blank.
var errNobody = errors.New("nobody named: give ids, e-mail addresses, phone or order numbers, one a line")

// ReadLines reads lines for Parse.
func ReadLines(r io.Reader) (lines []string, err error) {
	in := bufio.NewReaderSize(r, maxLine+8)
	for n := 1; ; n++ {
		line, long, err := in.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return nil, fmt.Errorf("read lines: %w", err)
		case long:
			return nil, &lineError{n, whyLong}
		case len(lines) == 10*maxLines:
			return nil, fmt.Errorf("more than %d lines: give them in several calls", maxLines)
		}
		if n == 1 {
			line = []byte(strings.TrimPrefix(string(line), "\ufeff"))
		}
		lines = append(lines, string(line))
	}
}

const (
	whyLong    = "is longer than 1 KiB: give one id or address a line"
	whyUTF8    = "is not UTF-8 text: save the list as UTF-8"
	whyControl = "holds control characters: save the list as plain text, one id or address a line"
	whyAddress = "has an @ but is not an e-mail address"
	whyNobody  = "cannot identify a customer (a placeholder, or no letter and no digit): it would remove other people"
	whyWord    = "is a word found in everybody's events (the header of a table?): remove this line"
	whyName    = "is neither an id nor an address: relay does not search for names of people, since others share them; give an id, e-mail address, phone or order number"
)

// Parse parses lines and skips blank ones. The error joins a lineError for each line that
// cannot be searched for; the caller must then remove nobody.
func Parse(lines []string) (names []Name, err error) {
	var errs []error
	have := make(map[string]bool)
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || have[line] {
			continue
		}
		if len(have) == maxLines { // before the rest costs anything
			return nil, fmt.Errorf("more than %d lines: give them in several calls", maxLines)
		}
		have[line] = true
		n, why := parse(line)
		if why != "" {
			errs = append(errs, &lineError{i + 1, why})
			continue
		}
		n.at = i + 1
		names = append(names, n)
	}
	switch {
	case len(errs) > 20:
		errs = append(errs[:20], fmt.Errorf("and %d more lines", len(errs)-20))
	case len(errs) > 0:
	case len(names) == 0:
		return nil, errNobody
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return names, nil
}

// RejectOwn returns an error for each name that isOwn reports as the shop's own: removing it
// would remove everybody.
func RejectOwn(names []Name, isOwn func(string) bool) error {
	var errs []error
	for i := range names {
		if isOwn(names[i].line) || isOwn(names[i].text) {
			errs = append(errs, &lineError{names[i].at, "is listed in never_customers: it is the shop's own, not a customer's"})
		}
	}
	return errors.Join(errs...)
}

func parse(line string) (n Name, why string) {
	switch {
	case len(line) > maxLine:
		return n, whyLong
	case !utf8.ValidString(line):
		return n, whyUTF8
	case strings.ContainsFunc(line, unicode.IsControl):
		return n, whyControl
	}
	n = Name{line: line, text: fold.PlainPunctuation(folded(line)), style: asPhone}
	if !strings.ContainsFunc(n.text, isWordRune) {
		return n, whyNobody
	}
	if strings.Contains(n.text, "@") {
		n.text, n.address = addressIn(n.text)
		if !n.address {
			return n, whyAddress
		}
		asWritten, _ := addressIn(fold.PlainPunctuation(fold.Fold(line))) // a domain in ASCII encodes exactly these letters
		for _, other := range append(fold.EmailSpellings(n.text), fold.EmailSpellings(asWritten)...) {
			n.others = append(n.others, folded(other))
		}
		return n, ""
	}
	if len(people.KeysOf(line)) == 0 {
		return n, whyNobody
	}
	if !strings.ContainsFunc(n.text, unicode.IsDigit) {
		switch {
		case strings.Contains(n.text, " "):
			return n, whyName
		case isCommonWord(n.text):
			return n, whyWord
		}
	}
	if guid := guidForm.FindStringSubmatch(n.text); guid != nil {
		n.text = strings.Join(guid[1:], "-")
		n.others = []string{strings.Join(guid[1:], "")}
		return n, ""
	}
	n.number, _ = wholeNumber(n.text)
	if n.phone = phoneLike(n.text); n.phone {
		r := phoneRun{text: n.text, digits: []byte(fold.OnlyDigits(n.text)), marked: n.number == "" || strings.HasPrefix(n.text, "00")}
		if n.style = r.style(); r.marked && isDate(r.text) {
			n.style = grouped
		}
	}
	return n, ""
}

// guidForm matches a 128-bit id with braces or dashes, or without.
var guidForm = regexp.MustCompile(`^(?:urn:uuid:|[{(])?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})[})]?$`)

// isCommonWord reports whether a folded line is a word in everybody's events: a name or type of
// a field, or a currency. Words of two letters count as ids, and so do several words in one.
func isCommonWord(line string) bool {
	if utf8.RuneCountInString(line) < 3 || strings.ContainsFunc(line, func(r rune) bool { return !isWordRune(r) }) {
		return false
	}
	return personal.Known(line) || currency.IsValid(strings.ToUpper(line)) || line == "true" || line == "false"
}

// addressIn returns the address in a line without the text around it. An address that no
// customer has (noreply@…) counts too.
func addressIn(s string) (string, bool) {
	want := emailKey(s)
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || strings.ContainsRune(`<>()[]",;:?`, r) }) {
		part = strings.Trim(part, ".'`{}")
		if !strings.Contains(part, "@") {
			continue
		}
		if want != "" && emailKey(part) == want || want == "" && addressForm.MatchString(part) && strings.Count(s, "@") == 1 {
			return part, true
		}
	}
	return s, want != ""
}

// addressForm matches an e-mail address.
var addressForm = regexp.MustCompile(`^[^\s@]+@([\pL\pN]([\pL\pN-]*[\pL\pN])?\.)+\pL[\pL\pN-]+$`)

// isAddress reports whether folded text in an e-mail field is exactly one address. Such a
// text holds no other address, whatever it ends with (jones@ in smith&jones@x.example). It
// begins with a letter or digit, has none of addressEnds in its local part, and a domain of
// labels.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	first, _ := utf8.DecodeRuneInString(local)
	if !ok || !isAlnum(first) || strings.ContainsAny(local, addressEnds) || strings.ContainsFunc(s, unspaced) {
		return false
	}
	for labels := 1; ; labels++ {
		label, rest, more := strings.Cut(domain, ".")
		first, _ := utf8.DecodeRuneInString(label)
		last, _ := utf8.DecodeLastRuneInString(label)
		switch {
		case !isAlnum(last) || more && !isAlnum(first) || strings.ContainsFunc(label, func(r rune) bool { return r != '-' && !isAlnum(r) }):
			return false
		case !more:
			return labels > 1
		}
		domain = rest
	}
}

// addressEnds are characters that surround addresses in text and never occur in one.
const addressEnds = " \t\n\f\r:;,<>()[]\"\\?|"

// isAlnum reports whether r is a letter or a number.
func isAlnum(r rune) bool {
	if uint32(r) < utf8.RuneSelf {
		return wordBytes[r]
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

func emailKey(s string) string {
	for _, k := range people.KeysOf(s) {
		if k.Key == "email" {
			return k.Value
		}
	}
	return ""
}

// phoneLike reports whether a line could be a phone number: digits and their separators.
func phoneLike(s string) bool {
	digits := 0
	for i, r := range s {
		switch {
		case '0' <= r && r <= '9':
			digits++
		case r == '+' && i == 0, isPhoneMark(r):
		default:
			return false
		}
	}
	return digits >= minPhoneDigits && digits <= maxPhoneDigits
}

// isPhoneMark reports whether r separates the digits of phone numbers.
func isPhoneMark(r rune) bool {
	switch r {
	case ' ', '-', '.', '/', '(', ')', '_', '\u00b7', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2022', '\u2027', '\u2212', '\u2219', '\u22c5', '\u30fb', prolongedSoundMark:
		return true
	}
	return false
}

// plainMark replaces separators that the mapper does not read by a space.
func plainMark(r rune) rune {
	if isPhoneMark(r) && (r >= utf8.RuneSelf || r == '_') {
		return ' '
	}
	return r
}

// defaultMapping returns a mapping with only the default rules.
var defaultMapping = sync.OnceValue(func() *mapper.Mapping {
	m, _, err := mapper.Parse("", []byte("version: 1\nevents: {}\n"))
	if err != nil {
		panic(err)
	}
	return m
})
