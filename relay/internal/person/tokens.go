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

	"relay/mapper/fold"
	"relay/mapper/people"
)

// maxTokens bounds the tokens of one event. Those that stand where ids, phones and
// addresses do come first.
const maxTokens = 64

// Tokenizer gives the tokens of events. It is safe for concurrent use.
type Tokenizer struct {
	mu sync.Mutex
	c  collector
	in jsontext.Decoder
}

// NewTokenizer returns one.
func NewTokenizer() *Tokenizer { return &Tokenizer{c: collector{names: make(map[string]*knownName)}} }

// Of are the tokens by which an event can be found when only they are left of it:
// Matcher.Tokens has one of them when Matcher.Event finds the event by its text.
//
//   - whole values, numbers and tokens where ids of people, numbers of orders, phones
//     and addresses stand
//   - elsewhere addresses, numbers that are written as phone numbers, and tokens that
//     mix letters and digits, but for ids of things
//
// A word of letters alone in a text of many is none: all texts would be kept. A phone
// number is kept by its digits: Matcher knows how it may be dialled.
func (t *Tokenizer) Of(body []byte) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c.first, t.c.then = t.c.first[:0], t.c.then[:0]
	lookInto(&t.in, &t.c, body, 0)
	all := slices.Concat(t.c.first, t.c.then)
	return all[:min(len(all), maxTokens)]
}

// Tokens are those by which events of the names are found: in the countries of the
// mappings, and of the events that were looked at.
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
	countries := slices.Collect(maps.Keys(m.seen))
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
				if m.names[i].spoken.means(bare) {
					tokens = append(tokens, numberToken+n)
				}
				if m.names[i].spoken.means(grouped) {
					tokens = append(tokens, groupedToken+n)
				}
			}
		}
	}
	return tokens
}

// What a token is, before its text.
const (
	wordToken    = "w"
	numberToken  = "n" // where ids stand
	dialledToken = "d" // where phones stand
	writtenToken = "p" // elsewhere, as people write phone numbers
	groupedToken = "g" // elsewhere, in other groups
	plusToken    = "+" // with the code of its country
)

// collector gathers the tokens of one event.
type collector struct {
	names       map[string]*knownName
	texts       [2]memory // under any name, and under those of things
	first, then []string
	text        []token // of the text that is looked into
}

// token is one, and the place that it counts as.
type token struct {
	text  string
	place place
}

// take takes the tokens of one text.
func (c *collector) take(tokens []token) {
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

func (c *collector) seeNumber(s string, p place) bool {
	if n, ok := wholeNumber(s); ok {
		c.text = c.text[:0]
		c.add(numberToken+n, p)
		c.folded(n, name{place: p})
		c.take(c.text)
	}
	return false
}

// look sees what tokens a text has: c.text until the next one.
func (c *collector) look(s string, n name) {
	c.text = c.text[:0]
	if len(s) >= len("2006-01-02T15:04:05Z") && s[4] == '-' {
		if _, err := time.Parse(time.RFC3339, s); err == nil {
			return
		}
	}
	for layer := range readings(s) {
		if (n.place == elsewhere || n.isName) && !mayName(layer) {
			continue
		}
		layer = folded(layer)
		c.folded(layer, n)
		if marked := fold.PlainPunctuation(layer); marked != layer {
			c.folded(marked, n)
		}
	}
}

// folded takes the tokens of a folded text, as Matcher.folded looks for them.
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
		if p == phonePlace || r.marked && r.dialled() {
			token := r.token(p)
			if c.add(token, phonePlace); p == elsewhere && token[:1] == groupedToken && strings.IndexByte(r.text, '.') < 0 { // of an order, and no IP address
				c.add(wordToken+r.text, phonePlace)
			}
		}
		return false
	})
}

// words takes the addresses in a text, and its words.
func (c *collector) words(s string, n name) {
	taken := n.place != elsewhere && len(s) <= maxLine
	whole := n.place == mailPlace && isAddress(s)
	eachToken(s, func(token string) {
		if strings.IndexByte(token, '@') >= 0 {
			if whole { // taken as what it is
				return
			}
			for _, a := range append(addressesIn(token), addressesIn(behindField(token))...) {
				c.add(wordToken+a, mailPlace)
			}
		}
		if !taken || len(token) < len(s) {
			c.word(token, n)
		}
	})
}

// token is that of a phone number: a country's code begins it behind a plus, or 00.
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
	case r.spoken() == asPhone:
		return writtenToken + string(r.digits)
	}
	return groupedToken + string(r.digits)
}

// word takes a whole value or a token that may be a word of Matcher's. Digits alone are
// numbers.
func (c *collector) word(s string, n name) {
	switch {
	case s == "" || s[0] == '{' || s[0] == '[' || fold.IsDigits(s):
	case n.place == elsewhere && (n.thing || !mixed(s)), n.place == phonePlace && phoneLike(s):
	case n.isName && !strings.ContainsFunc(s, unicode.IsDigit): // email, phone: the same in all events
	default:
		c.add(wordToken+s, n.place)
	}
}

// eachToken calls fn for each token of a text, with all that a word cannot begin or end
// beside.
func eachToken(s string, fn func(token string)) {
	for at := 0; at < len(s); {
		from, end := -1, at
		for at < len(s) {
			r, n := rune(s[at]), 1
			if r < utf8.RuneSelf {
				if wordBytes[r] { // nearly all
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
			if from >= 0 && (!isJoint(r) || end < at && !strings.HasSuffix(s[:at], "xn-")) { // two in a row end it, but of xn--bcher-kva.example
				break
			}
			at += n
		}
		if from >= 0 {
			token := s[from:end]
			if strings.Contains(token, "@") {
				token = s[behindApostrophes(s, from, end):end]
			}
			fn(token)
			eachSpaced(token, fn)
		}
	}
}

// maxLocal is how long what stands before the @ of an address is at most (RFC 5321).
const maxLocal = 64

// behindApostrophes is where the address begins that ends at end, and a token of which
// begins at from: o'brien@x.example is one.
func behindApostrophes(s string, from, end int) int {
	at := from
	for least := max(0, from-maxLocal); at > least; {
		r, n := utf8.DecodeLastRuneInString(s[:at])
		switch {
		case isWordRune(r), isJoint(r) && r != '@' && at < from:
		case isApostrophe(r):
			before, _ := utf8.DecodeLastRuneInString(s[:at-n])
			next, _ := utf8.DecodeRuneInString(s[at:])
			if !goesOn(next, before) || isLiteral(s[:at], s[end:]) {
				return at
			}
		default:
			return at
		}
		at -= n
	}
	return at
}

// eachSpaced calls fn for what stands within a token between letters of a script without
// blanks, where a word of other letters begins and ends.
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

// mayName says whether a layer of a text may hold a token where neither ids nor addresses
// stand: a digit or an @, in any script.
func mayName(s string) bool {
	has := bytesOf(s)
	return has.digits > 0 || has.at || !has.ascii
}

// contents is what a text has in it, of ASCII.
type contents struct {
	ascii, letters, at bool
	digits             int
}

// nothing says that a text elsewhere than where ids and addresses stand has no token:
// neither address nor number, and no word of letters and digits that is not a thing's.
func nothing(s string, thing bool) bool {
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

// mixed says whether a token elsewhere than where ids stand may name somebody.
func mixed(token string) bool {
	if has := bytesOf(token); has.ascii {
		return len(token) > 3 && has.letters && has.digits > 0
	}
	return utf8.RuneCountInString(token) > 3 && strings.ContainsFunc(token, unicode.IsLetter) && strings.ContainsFunc(token, unicode.IsDigit)
}

// addressesIn are the addresses that begin and end in a token, which may be one of
// several: behind an address only .label goes on, and an @ may stand before it.
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
