package person

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"relay/mapper/personal"
)

// What a phone number has at least and at most, as it is written.
const (
	minPhoneDigits = 6
	maxPhoneDigits = 17
)

// phoneRun is a text of digits that may be a phone number.
type phoneRun struct {
	text   string
	digits []byte // until the next one is read
	marked bool   // begins with + or 00, or is grouped
	amount bool   // ",50" follows
}

// phoneRuns calls fn for each that stands in folded text, until it returns true.
func phoneRuns(text string, fn func(phoneRun) bool) bool {
	if digitsIn(text) < minPhoneDigits { // nearly all
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
			if r, _ := utf8.DecodeLastRuneInString(text[:i]); goesOn('0', r) {
				for i < len(text) && text[i] >= '0' && text[i] <= '9' { // of a word
					i++
				}
				if c == '(' {
					i++
				}
				continue
			}
		}
		first, last := 0, -1
		for gaps := range gaps + 1 { // 0212 - 555 01 42 is one number, or the end of one and the next
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
			return len(run.digits) >= localDigits && len(run.digits) <= maxPhoneDigits && run.dialled() && run.spoken() == asPhone && fn(run)
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

// ownDigits is what a phone number has at least that is told from the numbers beside it by
// blanks alone.
const ownDigits = 10

// phonePieces calls fn for what may be a phone number of its own in the run text[from:to],
// until it returns true: what stands before and behind a date, a time, or a number that
// begins anew (27.11.2026 0221 5550123, 12 (212) 555-0147), and what has no blank in it
// (212-555-0147 10001). The country's code that begins a number is of all that follows.
func phonePieces(text string, from, to int, fn func(from, to int) bool) bool {
	if strings.IndexByte(text[from:to], ' ') < 0 {
		return false
	}
	if text[from] == '(' {
		if american := americanForm.FindString(text[from:to]); american != "" && fn(from, from+len(american)-1) {
			return true
		}
	}
	base, start, digits := from, from, 0 // of what is between dates, and of a piece of it
	ended := func(at int) bool {
		return at > start && fn(start, at) || start > base && fn(base, at)
	}
	for at := from; at < to; {
		own, end := digits, at // own are those before the chunk
		for ; end < to && text[end] != ' ' && (text[end] != '/' || digits < localDigits || !beginsAnew(text[end+1:to])); end++ {
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
		case at > start && beginsAnew(chunk):
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

// americanForm is a number with its blank inside, and a blank behind it.
var americanForm = regexp.MustCompile(`^\([2-9][0-9]{2}\) [0-9]{3}[-.][0-9]{4} `)

// beginsAnew says whether a phone number may begin here that stands behind another number.
func beginsAnew(s string) bool {
	return strings.HasPrefix(s, "0") || strings.HasPrefix(s, "(") && !strings.HasPrefix(s, "(0)")
}

// isTime says whether what follows an hour are its minutes.
func isTime(s string) bool {
	return len(s) > 2 && s[0] == ':' && '0' <= s[1] && s[1] <= '9' && '0' <= s[2] && s[2] <= '9'
}

// spoken says how a run of digits stands in a text.
type spoken uint8

// Of two lines with one number the greater counts.
const (
	grouped spoken = iota // as the number of an order, an amount or a date may be
	bare                  // digits alone
	asPhone               // as people write phone numbers
)

// means says whether a number that is written like this in a line may be the one that is
// written like other in a text, where no phones are said to stand: the customer 123456789 is
// not the order 12-3456789, nor the other way round.
func (s spoken) means(other spoken) bool {
	return s == asPhone || other == asPhone || s == bare && other == bare
}

// isDialForm says whether marked digits are grouped as numbers are that are dialled without a
// 0 before them: 212-555-0147, 123 456 789, 32 55 01 23, 11 9 8765-4321, 347 1234567.
func isDialForm(s string) bool {
	groups, first, size := 0, 0, 0 // of those before the last, and of the last
	for i := range len(s) {
		switch {
		case '0' <= s[i] && s[i] <= '9':
			size++
			continue
		case size == 0: // a second mark
			continue
		case size > 5, groups > 0 && size == 1 && s[i-1] != '9': // of mobiles in Brazil
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

// spoken says how the run is written, which is no date.
func (r *phoneRun) spoken() spoken {
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

// localDigits is what a number that is dialled in its own country has at least to be told
// from one of an order, a date or an amount.
const localDigits = 8

// dateForm is a date in figures, with what is numbered by it or its time behind it, or hours.
var dateForm = regexp.MustCompile(`^(?:[0-2]?[0-9]\.[0-5][0-9] ?- ?[0-2]?[0-9]\.[0-5][0-9]|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{2}(?: [0-9]{1,2})?|` +
	`(?:[0-9]{1,2}[-./ _][0-9]{1,2}[-./ _](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[-./ _][0-9]{1,2}[-./ _][0-9]{1,2}|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?:[^0-9].*)?)$`)

// isDate says whether s is such a one.
func isDate(s string) bool {
	mark := func(i int) bool { return s[i] < '0' || s[i] > '9' }
	return len(s) >= len("1.1.26") && (mark(1) || mark(2) || mark(4) || s[:2] == "19" || s[:2] == "20") && dateForm.MatchString(s)
}

// amountForm is what follows the whole part of an amount.
var amountForm = regexp.MustCompile(`^,[0-9]{1,2}(?:[^0-9]|$)`)

// dialled says whether the run is a phone number where none is said to stand.
func (r *phoneRun) dialled() bool {
	return r.text[0] == '+' || r.text[0] == '(' || len(r.digits) >= localDigits && !(r.amount && r.text[0] != '0') && !isDate(r.text)
}

// maxGaps is how many wide gaps a phone number has at most.
const maxGaps = 3

// wideGap is how long what begins s is, where it is a dash or a slash between blanks that
// may stand in a phone number, and between two of them: "0212 - 555 01 42", "(212) - 555".
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

// phoneRunAt reads the run that begins at i into room, with as many wide gaps, and says
// where it ends. Of one with too many digits it keeps as many as there is room for.
func phoneRunAt(text string, i int, room []byte, gaps int) (run phoneRun, end int) {
	digits := room
	j, last, marks := i, i, 0
	var whole phoneRun // before the last blank
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
		case goesOn('0', r) && marks == 0 && len(digits) > 0 && !personal.BeginsExtension(text[j:]): // digits of a word
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
