package person

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"relay/internal/recent"
	"relay/mapper/fold"
	"relay/mapper/people"
)

// maxTokens bounds the tokens of one event. Tokens of fields for ids, phone numbers and
// addresses come first.
const maxTokens = 64

// Tokenizer extracts the tokens of events. It is safe for concurrent use.
type Tokenizer struct {
	mu sync.Mutex
	c  collector
	in jsontext.Decoder
}

// NewTokenizer returns an empty Tokenizer.
func NewTokenizer() *Tokenizer {
	newTexts := func() recent.Map[string, []token] { return recent.New[string, []token](maxTexts) }
	return &Tokenizer{c: collector{
		names: make(map[string]*knownName),
		texts: [2]recent.Map[string, []token]{newTexts(), newTexts()},
	}}
}

// Of returns the tokens by which an event can be found after its body is gone: if
// Matcher.Event finds the event by its text, Matcher.Tokens has one of them.
//
//   - in fields for ids of people, order numbers, phone numbers and addresses: whole values,
//     numbers and tokens
//   - elsewhere: addresses, numbers written like phone numbers, and tokens that mix letters
//     and digits, except ids of things
//
// A word of only letters within a longer text is not kept: that would keep all texts. A phone
// number is kept as its digits; Matcher knows in which forms it can be dialled.
func (t *Tokenizer) Of(body []byte) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c.first, t.c.then = t.c.first[:0], t.c.then[:0]
	walkWith(&t.in, &t.c, body, 0)
	all := slices.Concat(t.c.first, t.c.then)
	return all[:min(len(all), maxTokens)]
}

// Tokens returns the tokens by which events of these people are found: for the countries of
// the mappings and of the events seen so far.
func (m *Matcher) Tokens() (tokens []string) {
	for i := range m.words {
		tokens = append(tokens, wordToken+m.words[i].text)
	}
	for n := range m.numbers {
		tokens = append(tokens, numberToken+n, dialledToken+n)
	}
	for n := range m.dialled {
		tokens = append(tokens, dialledToken+n)
	}
	countries := slices.Collect(maps.Keys(m.countries))
	for i := range m.names {
		if !m.names[i].phone {
			continue
		}
		for k := range m.mappings {
			plus, local := people.DialledOf(strings.Map(plainMark, m.names[i].text), append(m.mappings[k].m.Countries(), countries...)...)
			for _, n := range plus {
				tokens = append(tokens, plusToken+n)
			}
			for _, n := range local {
				tokens = append(tokens, dialledToken+n, writtenToken+n)
				if len(n) < localDigits {
					continue
				}
				if m.names[i].style.matches(bare) {
					tokens = append(tokens, numberToken+n)
				}
				if m.names[i].style.matches(grouped) {
					tokens = append(tokens, groupedToken+n)
				}
			}
		}
	}
	return tokens
}

// Each token begins with its kind.
const (
	wordToken    = "w"
	numberToken  = "n" // in fields for ids
	dialledToken = "d" // in phone fields
	writtenToken = "p" // elsewhere, grouped like a phone number
	groupedToken = "g" // elsewhere, grouped otherwise
	plusToken    = "+" // with its country code
)

// collector collects the tokens of one event.
type collector struct {
	names       map[string]*knownName
	texts       [2]recent.Map[string, []token] // by whether their field name is that of a thing: no, yes
	first, then []string
	text        []token // of the current text
}

// token is a token and the place it counts for.
type token struct {
	text  string
	place place
}

// keepAll adds the tokens of one text.
func (c *collector) keepAll(tokens []token) {
	for _, t := range tokens {
		c.keep(t.text, t.place)
	}
}

func (c *collector) keep(token string, p place) {
	to := &c.first
	if p == elsewhere {
		to = &c.then
	}
	if len(*to) < maxTokens && !slices.Contains(c.first, token) && !slices.Contains(c.then, token) {
		*to = append(*to, token)
	}
}

func (c *collector) add(text string, p place) { c.text = append(c.text, token{text, p}) }

func (c *collector) visitNumber(s string, p place) bool {
	if n, ok := wholeNumber(s); ok {
		c.text = c.text[:0]
		c.add(numberToken+n, p)
		c.folded(n, name{place: p})
		c.keepAll(c.text)
	}
	return false
}

// tokenize puts the tokens of a text into c.text.
func (c *collector) tokenize(s string, n name) {
	c.text = c.text[:0]
	if len(s) >= len("2006-01-02T15:04:05Z") && s[4] == '-' {
		if _, err := time.Parse(time.RFC3339, s); err == nil {
			return
		}
	}
	for layer := range textLayers(s) {
		if (n.place == elsewhere || n.isName) && !canHoldToken(layer) {
			continue
		}
		layer = folded(layer)
		c.folded(layer, n)
		if marked := fold.PlainPunctuation(layer); marked != layer {
			c.folded(marked, n)
		}
	}
}

// folded collects the tokens of folded text, as Matcher.matchMarked searches for them.
func (c *collector) folded(s string, n name) {
	p := n.place
	if p != elsewhere && len(s) <= maxLine {
		c.word(s, n)
	}
	has := bytesOf(s)
	if p == elsewhere && has.digits == 0 && !has.at && has.ascii {
		return
	}
	if p != elsewhere || has.at || !n.thing && (has.letters || !has.ascii) {
		c.words(s, n)
	}
	if p == idPlace {
		numbersIn(s, func(n string) { c.add(numberToken+n, p) })
	}
	phoneRuns(s, func(r phoneRun) bool {
		if p == phonePlace || r.marked && r.plausible() {
			token := r.token(p)
			if c.add(token, phonePlace); p == elsewhere && token[:1] == groupedToken && strings.IndexByte(r.text, '.') < 0 { // can be an order number, but not an IP address
				c.add(wordToken+r.text, phonePlace)
			}
		}
		return false
	})
}

// words collects the addresses in a text, and its words.
func (c *collector) words(s string, n name) {
	taken := n.place != elsewhere && len(s) <= maxLine
	whole := n.place == mailPlace && isAddress(s)
	eachToken(s, func(token string) {
		if strings.IndexByte(token, '@') >= 0 {
			if whole { // collected as a whole
				return
			}
			for _, a := range append(addressesIn(token), addressesIn(afterFieldWord(token))...) {
				c.add(wordToken+a, mailPlace)
			}
		}
		if !taken || len(token) < len(s) {
			c.word(token, n)
		}
	})
}

// token returns the token of a phone number. With + or 00 it begins with a country code.
func (r phoneRun) token(p place) string {
	if d, ok := bytes.CutPrefix(r.digits, []byte("00")); ok {
		return plusToken + string(d)
	}
	if strings.HasPrefix(r.text, "+") {
		return plusToken + string(r.digits)
	}
	switch {
	case p == phonePlace:
		return dialledToken + string(r.digits)
	case r.style() == asPhone:
		return writtenToken + string(r.digits)
	}
	return groupedToken + string(r.digits)
}

// word collects a whole value or a token that could be one of Matcher's words. Bare digits are
// numbers, not words.
func (c *collector) word(s string, n name) {
	switch {
	case s == "" || s[0] == '{' || s[0] == '[' || fold.IsDigits(s):
	case n.place == elsewhere && (n.thing || !mixed(s)), n.place == phonePlace && phoneLike(s):
	case n.isName && !strings.ContainsFunc(s, unicode.IsDigit): // email, phone: in all events
	default:
		c.add(wordToken+s, n.place)
	}
}

// eachToken calls fn for each token of a text, with every character next to which a word can
// neither begin nor end.
func eachToken(s string, fn func(token string)) {
	for at := 0; at < len(s); {
		from, end := -1, at
		for at < len(s) {
			r, n := rune(s[at]), 1
			if r < utf8.RuneSelf {
				if wordBytes[r] { // most texts
					if from < 0 {
						from = at
					}
					at++
					end = at
					continue
				}
			} else if r, n = utf8.DecodeRuneInString(s[at:]); isWordRune(r) {
				if from < 0 {
					from = at
				}
				at += n
				end = at
				continue
			}
			if from >= 0 && (!isJoint(r) || end < at && !strings.HasSuffix(s[:at], "xn-")) { // two in a row end the token, except in xn--bcher-kva.example
				break
			}
			at += n
		}
		if from >= 0 {
			token := s[from:end]
			if strings.Contains(token, "@") {
				token = s[addressStart(s, from, end):end]
			}
			fn(token)
			eachSpaced(token, fn)
		}
	}
}

// maxLocal is the maximum length of the local part of an address (RFC 5321).
const maxLocal = 64

// addressStart returns where the address begins that contains the token s[from:end]:
// o'brien@x.example is one address.
func addressStart(s string, from, end int) int {
	at := from
	for least := max(0, from-maxLocal); at > least; {
		r, n := utf8.DecodeLastRuneInString(s[:at])
		switch {
		case isWordRune(r), isJoint(r) && r != '@' && at < from:
		case isApostrophe(r):
			before, _ := utf8.DecodeLastRuneInString(s[:at-n])
			next, _ := utf8.DecodeRuneInString(s[at:])
			if !continues(next, before) || isLiteral(s[:at], s[end:]) {
				return at
			}
		default:
			return at
		}
		at -= n
	}
	return at
}

// eachSpaced calls fn for each part of a token between letters of scripts without spaces,
// where a word of other letters begins and ends.
func eachSpaced(token string, fn func(part string)) {
	if fold.IsPlainASCII(token) || !strings.ContainsFunc(token, unspaced) {
		return
	}
	for part := range strings.FieldsFuncSeq(token, unspaced) {
		if part = strings.TrimFunc(part, isJoint); part != "" {
			fn(part)
		}
	}
}

// canHoldToken reports whether a layer of a text outside fields for ids and addresses can hold a
// token: it has a digit or an @, in any script.
func canHoldToken(s string) bool {
	has := bytesOf(s)
	return has.digits > 0 || has.at || !has.ascii
}

// contents is what kinds of characters a text has.
type contents struct {
	ascii, letters, at bool
	digits             int
}

// holdsNoToken reports that a text outside fields for ids and addresses holds no token: no
// address, no number, and no word of letters and digits unless a thing's.
func holdsNoToken(s string, thing bool) bool {
	has := bytesOf(s)
	return has.ascii && !has.at && has.digits < minPhoneDigits && (thing || has.digits == 0 || !has.letters) && !fold.HasLayers(s)
}

func bytesOf(s string) (has contents) {
	has.ascii = true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			has.ascii = false
		case '0' <= c && c <= '9':
			has.digits++
		case wordBytes[c]:
			has.letters = true
		case c == '@':
			has.at = true
		}
	}
	return has
}

// mixed reports whether a token outside fields for ids could identify a person.
func mixed(token string) bool {
	if has := bytesOf(token); has.ascii {
		return len(token) > 3 && has.letters && has.digits > 0
	}
	return utf8.RuneCountInString(token) > 3 && strings.ContainsFunc(token, unicode.IsLetter) && strings.ContainsFunc(token, unicode.IsDigit)
}

// addressesIn returns the addresses in a token that could contain several: after an address
// only .label continues it, and an @ can stand before it.
func addressesIn(token string) (all []string) {
	for {
		at := strings.IndexByte(token, '@')
		if at < 0 {
			return all
		}
		for end := at + 1; end <= len(token) && len(all) < 16; end++ {
			if end == len(token) || strings.IndexByte("-_+@", token[end]) >= 0 {
				all = append(all, token[:end])
			}
		}
		token = token[at+1:]
	}
}
