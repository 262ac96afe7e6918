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

// Bounds of what is asked for at once.
const (
	maxLine  = 1 << 10 // bytes of a line
	maxLines = 1000
)

// Name is what a person is known by: one line that was asked for.
type Name struct {
	at      int      // the number of its line
	line    string   // as it was given, trimmed
	text    string   // as it is compared: folded, with fold.PlainPunctuation; of an address the address alone
	others  []string // other spellings of an address or a GUID, folded
	address bool
	number  string // a bare number: its digits
	phone   bool   // may be a phone number
	spoken  spoken // how one is written; asPhone of what is no such number
}

// lineError is a line that cannot be looked for. It has nothing of the line's text.
type lineError struct {
	Line int // 1 for the first
	Why  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d %s", e.Line, e.Why) }

// errNobody says that no line names anybody.
var errNobody = errors.New("nobody named: give ids, e-mail addresses, phone or order numbers, one a line")

// ReadLines reads what Parse takes.
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
	whyUTF8    = "is no UTF-8 text: save the list as UTF-8"
	whyControl = "holds control characters: save the list as plain text, one id or address a line"
	whyAddress = "has an @ and is no e-mail address"
	whyNobody  = "is what no customer is called (a placeholder, or no letter and no digit): it would remove strangers"
	whyWord    = "is a word that stands in everybody's events (the header of a table?): leave the line out"
	whyName    = "is neither an id nor an address: names of people are not looked for, since others have the same; give an id, e-mail address, phone or order number"
)

// Parse reads lines, blank ones passed over. The error has a lineError for each line
// that cannot be looked for: then nobody is to be removed.
func Parse(lines []string) (names []Name, err error) {
	var errs []error
	have := make(map[string]bool)
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || have[line] {
			continue
		}
		if len(have) == maxLines { // before the cost of the others
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

// Refuse says which names are the shop's own, as own tells: whoever removes those
// removes everybody's.
func Refuse(names []Name, own func(string) bool) error {
	var errs []error
	for i := range names {
		if own(names[i].line) || own(names[i].text) {
			errs = append(errs, &lineError{names[i].at, "is one of never_customers: the shop's own, and nobody's"})
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
	n = Name{line: line, text: fold.PlainPunctuation(folded(line)), spoken: asPhone}
	if !strings.ContainsFunc(n.text, isWordRune) {
		return n, whyNobody
	}
	if strings.Contains(n.text, "@") {
		n.text, n.address = addressIn(n.text)
		if !n.address {
			return n, whyAddress
		}
		asWritten, _ := addressIn(fold.PlainPunctuation(fold.Fold(line))) // a domain in ASCII is made of its own letters
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
		case everybodys(n.text):
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
		if n.spoken = r.spoken(); r.marked && isDate(r.text) {
			n.spoken = grouped
		}
	}
	return n, ""
}

// guidForm is an id of 128 bits as systems write it: with braces or dashes, or without.
var guidForm = regexp.MustCompile(`^(?:urn:uuid:|[{(])?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})[})]?$`)

// everybodys says whether a folded line is a word that all events have: the name or the
// type of a field, a currency. Words of two letters are ids, and so are several in one.
func everybodys(line string) bool {
	if utf8.RuneCountInString(line) < 3 || strings.ContainsFunc(line, func(r rune) bool { return !isWordRune(r) }) {
		return false
	}
	return personal.Known(line) || currency.IsValid(strings.ToUpper(line)) || line == "true" || line == "false"
}

// addressIn is the address that a line gives, without what surrounds it. One that no
// customer has (noreply@…) is an address all the same.
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

// addressForm is what an address looks like.
var addressForm = regexp.MustCompile(`^[^\s@]+@([\pL\pN]([\pL\pN-]*[\pL\pN])?\.)+\pL[\pL\pN-]+$`)

// isAddress says whether a folded text that stands where addresses do is one and nothing
// else: then it is no other's, whatever it ends in (jones@ in smith&jones@x.example).
// It has no mark before its letters, nothing in its name that stands around addresses in
// a text, and a domain of labels.
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

// addressEnds stand around an address in a text, and in none.
const addressEnds = " \t\n\f\r:;,<>()[]\"\\?|"

// isAlnum holds for letters and numbers.
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

// phoneLike says whether a line may be a phone number: digits, and what groups them.
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

// isPhoneMark is what stands between the digits of a phone number.
func isPhoneMark(r rune) bool {
	switch r {
	case ' ', '-', '.', '/', '(', ')', '_', '\u00b7', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2022', '\u2027', '\u2212', '\u2219', '\u22c5', '\u30fb', longSound:
		return true
	}
	return false
}

// plainMark is such a mark as the mapper reads it.
func plainMark(r rune) rune {
	if isPhoneMark(r) && (r >= utf8.RuneSelf || r == '_') {
		return ' '
	}
	return r
}

// plain is a mapping of defaults alone.
var plain = sync.OnceValue(func() *mapper.Mapping {
	m, _, err := mapper.Parse("", []byte("version: 1\nevents: {}\n"))
	if err != nil {
		panic(err)
	}
	return m
})
