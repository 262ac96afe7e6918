package rows

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sample is a set of words with non-ASCII bytes from a file. It determines the encoding if the
// file is not Unicode. Each word counts once.
type sample struct {
	words map[string]bool
	word  []byte // the current word
	high  bool   // it has non-ASCII bytes
}

const (
	sampleWords = 4000
	wordBytes   = 64
)

// add adds the next bytes of the file. A word ends at a byte that cannot be a letter or part of
// one in any encoding.
func (s *sample) add(b []byte) {
	for len(s.words) < sampleWords && len(b) > 0 {
		if !s.high && len(s.word) == 0 {
			// Most bytes of most files are ASCII.
			at := bytes.IndexFunc(b, func(r rune) bool { return r >= utf8.RuneSelf })
			if at < 0 {
				at = len(b)
			}
			for at > 0 && b[at-1] >= 0x40 {
				at--
			}
			if b = b[at:]; len(b) == 0 {
				return
			}
		}
		c := b[0]
		b = b[1:]
		if c < 0x40 {
			s.end()
			continue
		}
		s.high = s.high || c >= utf8.RuneSelf
		if len(s.word) <= wordBytes {
			s.word = append(s.word, c)
		}
	}
}

func (s *sample) end() {
	if s.high && len(s.word) <= wordBytes && !utf8.Valid(s.word) {
		if s.words == nil {
			s.words = map[string]bool{}
		}
		s.words[string(s.word)] = true
	}
	s.word, s.high = s.word[:0], false
}

// guess returns the encoding that the words are probably in and its language. unknown is true if
// the encoding is not clearly Windows-1252.
func (s *sample) guess() (e Encoding, language string, unknown bool) {
	s.end()
	western := 0
	for _, set := range [][]script{westernScripts, icelandic, estonian} {
		western = max(western, s.read(Windows1252, set))
	}
	best, found := western+len(s.words)/50, guess{}
	for _, g := range guesses {
		if n := s.read(g.encoding, g.scripts); n > best {
			best, found = n, g
		}
	}
	switch {
	case found.encoding != "":
		return found.encoding, found.words, true
	case 2*western < len(s.words):
		return Windows1252, "", true
	}
	return Windows1252, "", false
}

// read counts the words that one of scripts explains if they are in encoding e.
func (s *sample) read(e Encoding, scripts []script) (n int) {
	decoder := e.coding().NewDecoder()
	for word := range s.words {
		if e == gb && !pairs(word) {
			continue
		}
		text, err := decoder.String(word)
		if err != nil || strings.ContainsRune(text, utf8.RuneError) {
			continue
		}
		if slices.ContainsFunc(scripts, func(s script) bool { return s.explains(text) }) {
			n++
		}
	}
	return n
}

// pairs reports whether the non-ASCII bytes of a word can be Chinese in GB 2312, which covers
// nearly all GBK text: two bytes per letter, both in the upper half.
func pairs(word string) bool {
	for i := 0; i < len(word); i++ {
		if word[i] < utf8.RuneSelf {
			continue
		}
		if i++; i == len(word) || word[i-1] < 0xa1 || word[i] < 0xa1 {
			return false
		}
	}
	return true
}

// script is the set of letters that a language has besides ASCII.
type script struct {
	letters string // in lower case; empty if tables are set
	tables  []*unicode.RangeTable
	rare    string // letters in tables that are not used in practice
	follows string // letters that can follow õ; empty: any
	cased   bool
}

func latin(letters string) script { return script{letters: letters, cased: true} }

// has reports whether r is a letter of the language. ASCII counts for Latin scripts.
func (s script) has(r rune) bool {
	if s.tables == nil {
		return r < utf8.RuneSelf || strings.ContainsRune(s.letters, r) || strings.ContainsRune(s.letters, unicode.ToLower(r))
	}
	return unicode.In(r, s.tables...) && !strings.ContainsRune(s.rare, r)
}

// explains reports whether text can be words of the language.
func (s script) explains(text string) bool {
	for _, word := range strings.FieldsFunc(text, parts) {
		if !s.word([]rune(word)) {
			return false
		}
	}
	return true
}

// parts reports whether r separates words.
func parts(r rune) bool {
	return r < utf8.RuneSelf && !unicode.IsLetter(r) || r >= '！' && r <= '､' || strings.ContainsRune("\u00a0\u3000\u3001\u3002·´’‘–—…€•|（）「」・", r)
}

func (s script) word(w []rune) bool {
	run, foreign := 0, 0
	for i, r := range w {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) || r == 'ª' || r == 'º' || r == 'µ' || r == 'ƒ' {
			if !s.sign(w, i) {
				return false
			}
			run = 0
			continue
		}
		if !s.has(r) || s.follows != "" && unicode.ToLower(r) == 'õ' && (i+1 == len(w) || !strings.ContainsRune(s.follows, w[i+1])) {
			return false
		}
		if s.cased && i > 0 && unicode.IsUpper(r) && r >= utf8.RuneSelf && (unicode.IsLower(w[i-1]) || i+1 < len(w) && unicode.IsLower(w[i+1])) {
			return false
		}
		if run++; r < utf8.RuneSelf {
			run = 0
		}
		foreign = max(foreign, run)
	}
	return s.tables != nil || foreign < 3
}

// sign reports whether a sign can stand at position i of a word: at its edges, but signs that
// are letters in another encoding only where people write them.
func (s script) sign(w []rune, i int) bool {
	before := i > 0 && unicode.IsLetter(w[i-1])
	after := i+1 < len(w) && unicode.IsLetter(w[i+1])
	switch w[i] {
	case '“', '”', '„', '‚', '«', '»', '‹', '›', '©', '®', '™', '°', '§':
		return !before || !after
	case '¿', '¡':
		return !before
	case 'ª', 'º':
		return !after
	case '²', '³':
		return !after && (!before || unicode.ToLower(w[i-1]) == 'm')
	case 'µ':
		return !before
	case 'ー', '々', 'ｰ', 'ﾞ', 'ﾟ': // part of Japanese words
		return s.tables != nil
	}
	return !before && !after
}

// The languages of Windows-1252. Files of one shop mix words of those in westernScripts.
var (
	westernScripts = []script{
		latin("äöüßéèà"),
		latin("àâæçéèêëîïôœùûüÿ"), latin("áéíóúüñ"),
		{letters: "áâãàçéêíóôõúü", cased: true, follows: "eE"},
		latin("áàèéëêïíóòöôüúûñç"),
		latin("æøåéäöüóòô"), latin("åäöéüàšž"), latin("àáèéìíòóùú"), latin("áéíóúâêîôûïäëö"),
	}
	icelandic = []script{latin("áéíóúýþæöðø")}
	estonian  = []script{latin("äöüõšžå")}
)

const gb Encoding = "gbk"

// guess is an encoding, languages written in it, and the name of the languages for messages.
type guess struct {
	encoding Encoding
	words    string
	scripts  []script
}

var (
	cyrillic = []script{{tables: []*unicode.RangeTable{unicode.Cyrillic}, cased: true}}
	han      = []script{{tables: []*unicode.RangeTable{unicode.Han}}}
	japanese = []script{{tables: []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana}}}
)

// guesses in order of preference if they explain equally many words.
var guesses = func() []guess {
	polish, czech, slovak := latin("ąćęłńóśźż"), latin("áčďéěíňóřšťúůýž"), latin("áäčďéíĺľňóôŕšťúýž")
	hungarian, romanian, croatian := latin("áéíóöőúüű"), latin("ăâîşţșț"), latin("čćđšž")
	turkish := latin("çğıİöşüâîû")
	var all []guess
	for _, e := range []Encoding{"windows-1250", "iso-8859-2", "ibm852"} {
		all = append(
			all, guess{e, "Polish", []script{polish}}, guess{e, "Czech or Slovak", []script{czech, slovak}}, guess{e, "Hungarian", []script{hungarian}},
			guess{e, "Croatian or Slovene", []script{croatian}}, guess{e, "Romanian", []script{romanian}},
		)
	}
	return append(
		all,
		guess{"windows-1254", "Turkish", []script{turkish}},
		guess{"windows-1257", "Lithuanian", []script{latin("ąčęėįšųūž")}}, guess{"windows-1257", "Latvian", []script{latin("āčēģīķļņšūž")}},
		guess{"windows-1255", "Hebrew", []script{{tables: []*unicode.RangeTable{unicode.Hebrew}}}},
		guess{"windows-1251", "Cyrillic", cyrillic}, guess{"koi8-r", "Cyrillic", cyrillic}, guess{"ibm866", "Cyrillic", cyrillic},
		guess{"windows-1253", "Greek", []script{{tables: []*unicode.RangeTable{unicode.Greek}, rare: "ΐΰ", cased: true}}},
		guess{"windows-1256", "Arabic", []script{{tables: []*unicode.RangeTable{unicode.Arabic}}}},
		guess{"euc-kr", "Korean", []script{{tables: []*unicode.RangeTable{unicode.Hangul}}}},
		guess{gb, "Chinese", han}, guess{"euc-jp", "Japanese", japanese}, guess{"shift_jis", "Japanese", japanese}, guess{"big5", "Chinese", han},
		guess{"windows-874", "Thai", []script{{tables: []*unicode.RangeTable{unicode.Thai}}}},
		guess{"ibm850", "DOS", westernScripts}, guess{"macintosh", "old Macs", westernScripts},
	)
}()

// unclear returns the error for a file whose encoding is not clear, and what to do.
func unclear(e Encoding, language string) error {
	const save = "or save it as UTF-8 (in Excel: Save as, CSV UTF-8)"
	if language == "" {
		return errors.New("the file is neither UTF-8 nor windows-1252: name its encoding with --encoding (spool: encoding), " + save)
	}
	return fmt.Errorf("the file is neither UTF-8 nor windows-1252, it looks like %s (%s): use --encoding %s (spool: encoding: %s), or name the right encoding, %s", e, language, e, e, save)
}
