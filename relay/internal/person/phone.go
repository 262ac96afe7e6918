package person

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"relay/mapper/personal"
)

// The number of digits of a phone number as it is written.
const (
	minPhoneDigits = 6
	maxPhoneDigits = 17
)

// phoneRun is a run of digits that could be a phone number.
type phoneRun struct {
	text   string
	digits []byte // valid until the next run is read
	marked bool   // begins with + or 00, or is grouped
	amount bool   // followed by decimals (",50")
}

// phoneRuns calls fn for each run in folded text until fn returns true.
func phoneRuns(text string, fn func(phoneRun) bool) bool {
	if digitsIn(text) < minPhoneDigits { // most texts
		return false
	}
	gaps := maxGaps
	if strings.IndexByte(text, ' ') < 0 {
		gaps = 0
	}
	var room [maxPhoneDigits + 1]byte
	for i := 0; i < len(text); {
		c := text[i]
		if (c < '0' || c > '9') && c != '+' && c != '(' {
			i++
			continue
		}
		if c != '+' && i > 0 {
			if r, _ := utf8.DecodeLastRuneInString(text[:i]); continues('0', r) {
				for i < len(text) && text[i] >= '0' && text[i] <= '9' { // part of a word
					i++
				}
				if c == '(' {
					i++
				}
				continue
			}
		}
		first, last := 0, -1
		for gaps := range gaps + 1 { // 0212 - 555 01 42 is one number, or two that touch
			run, end := phoneRunAt(text, i, room[:0], gaps)
			if end == last {
				break
			}
			if len(run.digits) >= minPhoneDigits && len(run.digits) <= maxPhoneDigits && fn(run) {
				return true
			}
			if last = end; gaps == 0 {
				first = end
			}
		}
		if first > i && phonePieces(text, i, first, func(from, to int) bool {
			run, _ := phoneRunAt(text[:to], from, room[:0], 0)
			return len(run.digits) >= localDigits && len(run.digits) <= maxPhoneDigits && run.plausible() && run.style() == asPhone && fn(run)
		}) {
			return true
		}
		i = max(first, i+1)
	}
	return false
}

func digitsIn(text string) (n int) {
	for i := range len(text) {
		if c := text[i]; '0' <= c && c <= '9' {
			n++
		}
	}
	return n
}

// ownDigits is how many digits a phone number needs if only spaces separate it from other
// numbers.
const ownDigits = 10

// phonePieces calls fn for each part of the run text[from:to] that could be a phone number of
// its own, until fn returns true: the parts before and after a date, a time or the start of
// another number (27.11.2026 0221 5550123, 12 (212) 555-0147), and each part without spaces
// (212-555-0147 10001). A leading country code belongs to everything after it.
func phonePieces(text string, from, to int, fn func(from, to int) bool) bool {
	if strings.IndexByte(text[from:to], ' ') < 0 {
		return false
	}
	if text[from] == '(' {
		if american := americanForm.FindString(text[from:to]); american != "" && fn(from, from+len(american)-1) {
			return true
		}
	}
	base, start, digits := from, from, 0 // of the text between dates, and of a part of it
	ended := func(at int) bool {
		return at > start && fn(start, at) || start > base && fn(base, at)
	}
	for at := from; at < to; {
		own, end := digits, at // own: digits before the chunk
		for ; end < to && text[end] != ' ' && (text[end] != '/' || digits < localDigits || !startsNumber(text[end+1:to])); end++ {
			if '0' <= text[end] && text[end] <= '9' {
				digits++
			}
		}
		chunk := text[at:end]
		next := end + 1
		for next < to && text[next] == ' ' {
			next++
		}
		hour, minutes := end == to && len(chunk) <= 2 && isTime(text[to:]), at == from && at > 0 && text[at-1] == ':' && len(chunk) == 2
		abroad := at > start && own < localDigits && (text[start] == '+' || strings.HasPrefix(text[start:], "00"))
		switch {
		case hour, minutes, isDate(chunk):
			if ended(at) {
				return true
			}
			base, start, digits = next, next, 0
		case abroad:
		case at > start && startsNumber(chunk):
			if fn(start, at) {
				return true
			}
			start, digits = at, digits-own
		case digits-own >= ownDigits && (at > from || end < to):
			if fn(at, end) {
				return true
			}
		}
		at = next
	}
	return start > from && ended(to)
}

// americanForm matches a number with a space inside and a space after it.
var americanForm = regexp.MustCompile(`^\([2-9][0-9]{2}\) [0-9]{3}[-.][0-9]{4} `)

// startsNumber reports whether a phone number can begin here, directly after another number.
func startsNumber(s string) bool {
	return strings.HasPrefix(s, "0") || strings.HasPrefix(s, "(") && !strings.HasPrefix(s, "(0)")
}

// isTime reports whether s, which follows an hour, begins with its minutes.
func isTime(s string) bool {
	return len(s) > 2 && s[0] == ':' && '0' <= s[1] && s[1] <= '9' && '0' <= s[2] && s[2] <= '9'
}

// phoneStyle is how a run of digits is written.
type phoneStyle uint8

// In ascending order: of two lines with the same number, the greater style counts.
const (
	grouped phoneStyle = iota // grouped like an order number, an amount or a date
	bare                      // only digits
	asPhone                   // grouped like a phone number
)

// matches reports whether a number in style s in a line can be the same number in style other
// in text outside phone fields: customer 123456789 is not order 12-3456789, nor the reverse.
func (s phoneStyle) matches(other phoneStyle) bool {
	return s == asPhone || other == asPhone || s == bare && other == bare
}

// isDialForm reports whether digits are grouped like numbers dialled without a leading 0:
// 212-555-0147, 123 456 789, 32 55 01 23, 11 9 8765-4321, 347 1234567.
func isDialForm(s string) bool {
	groups, first, size := 0, 0, 0 // number of groups before the last, size of the first, size of the last
	for i := range len(s) {
		switch {
		case '0' <= s[i] && s[i] <= '9':
			size++
			continue
		case size == 0: // a second separator
			continue
		case size > 5, groups > 0 && size == 1 && s[i-1] != '9': // except mobile numbers in Brazil
			return false
		case groups == 0:
			first = size
		}
		groups, size = groups+1, 0
	}
	if groups == 1 {
		return first >= 3 && size >= 4 && size <= 7 && s[first] == ' ' && len(s) == first+1+size
	}
	return groups > 1 && size >= 2 && size <= 4
}

// style returns how the run, which is not a date, is written.
func (r *phoneRun) style() phoneStyle {
	switch {
	case r.text[0] == '+' || r.text[0] == '0' && r.marked || strings.IndexByte(r.text, '(') >= 0:
		return asPhone
	case !r.marked:
		return bare
	case isDialForm(r.text):
		return asPhone
	}
	return grouped
}

// localDigits is how many digits a number without a country code needs to be told from an
// order number, a date or an amount.
const localDigits = 8

// dateForm matches a numeric date, also with a time or a sequence number after it, and hours.
var dateForm = regexp.MustCompile(`^(?:[0-2]?[0-9]\.[0-5][0-9] ?- ?[0-2]?[0-9]\.[0-5][0-9]|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{2}(?: [0-9]{1,2})?|` +
	`(?:[0-9]{1,2}[-./ _][0-9]{1,2}[-./ _](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[-./ _][0-9]{1,2}[-./ _][0-9]{1,2}|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?:[^0-9].*)?)$`)

// isDate reports whether s matches dateForm.
func isDate(s string) bool {
	mark := func(i int) bool { return s[i] < '0' || s[i] > '9' }
	return len(s) >= len("1.1.26") && (mark(1) || mark(2) || mark(4) || s[:2] == "19" || s[:2] == "20") && dateForm.MatchString(s)
}

// amountForm matches the decimals after the whole part of an amount.
var amountForm = regexp.MustCompile(`^,[0-9]{1,2}(?:[^0-9]|$)`)

// plausible reports whether the run can be a phone number outside phone fields.
func (r *phoneRun) plausible() bool {
	return r.text[0] == '+' || r.text[0] == '(' || len(r.digits) >= localDigits && !(r.amount && r.text[0] != '0') && !isDate(r.text)
}

// maxGaps is how many wide gaps a phone number can have.
const maxGaps = 3

// wideGap returns the length of a wide gap at the start of s: a dash or slash between spaces,
// within one phone number or between two ("0212 - 555 01 42", "(212) - 555").
func wideGap(s string) int {
	rest := strings.TrimPrefix(s, ")")
	mark, n := utf8.DecodeRuneInString(strings.TrimPrefix(rest, " "))
	if len(rest) < n+3 || rest[0] != ' ' || !isPhoneMark(mark) || mark == ' ' || mark == '(' || mark == ')' || rest[n+1] != ' ' {
		return 0
	}
	digits := strings.TrimPrefix(rest[n+2:], "(")
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		return 0
	}
	return len(s) - len(digits)
}

// phoneRunAt reads the run that begins at i into room, with at most gaps wide gaps, and
// returns where it ends. Of too many digits it keeps as many as fit into room.
func phoneRunAt(text string, i int, room []byte, gaps int) (run phoneRun, end int) {
	digits := room
	j, last, marks := i, i, 0
	var whole phoneRun // the run up to the last space
	if text[j] == '+' {
		run.marked, j = true, j+1
	}
	for j < len(text) {
		r, n := rune(text[j]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[j:])
		}
		switch {
		case '0' <= r && r <= '9':
			if marks > 0 && len(digits) > 0 {
				if text[last] == ' ' {
					whole = phoneRun{text: text[i:last], digits: digits, marked: run.marked || bytes.HasPrefix(digits, []byte("00"))}
				}
				run.marked = true
			}
			if len(digits) < cap(room) {
				digits = append(digits, byte(r))
			}
			marks = 0
			j += n
			last = j
			continue
		case gaps > 0 && marks == 0 && len(digits) > 0 && wideGap(text[j:]) > 0:
			gaps--
			marks = 1
			j += wideGap(text[j:])
			continue
		case isPhoneMark(r) && marks < 2:
			marks++
			j += n
			continue
		case continues('0', r) && marks == 0 && len(digits) > 0 && !personal.BeginsExtension(text[j:]): // digits of a word
			if whole.text == "" {
				return phoneRun{}, j + n
			}
			return whole, i + len(whole.text) // 0221 5550123 3er
		}
		break
	}
	run.text, run.digits = text[i:last], digits
	run.amount = last < len(text) && text[last] == ',' && amountForm.MatchString(text[last:])
	run.marked = run.marked || bytes.HasPrefix(run.digits, []byte("00"))
	return run, last
}
