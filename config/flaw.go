package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// malformed is the error of a text that cannot be a secret: what is wrong with it
// and where, and how to put it right. Neither holds anything of the text.
type malformed struct{ what, fix string }

// Error returns what is wrong and what to do about it.
func (m malformed) Error() string { return m.what + "; " + m.fix }

// trimmed takes off what editors and `echo` put around a secret and nobody means: a
// byte order mark before it, line ends behind it.
func trimmed(text string) string {
	return strings.TrimRight(strings.TrimPrefix(text, "\ufeff"), "\r\n")
}

var (
	// A name in front, as .env files and shells have it. A write key may hold an "=",
	// so the name is one of an environment variable or says token, key or secret.
	namedWith = regexp.MustCompile(`^(?i:export[ \t]+|set[ \t]+|\$env:)?(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?i:(?:[a-z0-9]+[_-])*(?:token|accesstoken|secret|appsecret|password)))[ \t]*[=:][ \t]*(?:[^= \t]|$)`)
	schemed   = regexp.MustCompile(`^(?i:bearer|basic|oauth)[ \t]`)
)

// quotes are those that people and word processors put around text.
const quotes = "\"'`´“”„‟‘’‚‛«»‹›"

// flaw says why a text, already trimmed, cannot be a token or key; nil: it can.
func flaw(text string) error {
	if lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
		return malformed{fmt.Sprintf("it has %d lines", len(lines)), "keep the one line that is the secret, and nothing else"}
	}
	if strings.HasPrefix(text, "\n") || strings.HasPrefix(text, "\r") {
		return malformed{"its first line is empty", "remove that line"}
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	switch {
	case text == "":
		return nil
	case first == '{' || first == '[':
		return malformed{"it begins with a bracket, as JSON does", "keep the bare secret alone, without name, brackets and quotes"}
	case namedWith.MatchString(text):
		return malformed{"it begins with a name and = or :, as a line of an .env or YAML file does", "keep only what follows that, without quotes"}
	case schemed.MatchString(text):
		return malformed{"it begins with a word such as Bearer and a space, as a header does", "keep only what follows the space"}
	case strings.ContainsRune(quotes, first) && strings.ContainsRune(quotes, last) && utf8.RuneCountInString(text) > 1:
		return malformed{"it is in quotes", "remove the first and the last character"}
	case strings.ContainsRune(quotes, first):
		return malformed{"it begins with a quote", "remove the first character"}
	case strings.ContainsRune(quotes, last):
		return malformed{"it ends with a quote", "remove the last character"}
	}
	n := 0
	for _, r := range text {
		n++
		if name := unprintable(r); name != "" {
			return malformed{fmt.Sprintf("character %d is %s", n, name), "remove it: copy the secret once more, without what is around it"}
		}
	}
	return nil
}

// unprintable names a character that no token or key has and that is mostly not
// seen; "": it is none.
func unprintable(r rune) string {
	switch r {
	case ' ':
		return "a space"
	case '\t':
		return "a tab"
	case '\n', '\r':
		return "a line end"
	case utf8.RuneError:
		return "no character (U+FFFD, put in where a text was read in a wrong encoding)"
	case 0xA0, 0x202F:
		return fmt.Sprintf("a no-break space (U+%04X)", r)
	case 0xFEFF:
		return "a byte order mark (U+FEFF)"
	case 0xAD:
		return "a soft hyphen (U+00AD)"
	case 0x200B:
		return "a zero width space (U+200B)"
	}
	switch {
	case unicode.IsControl(r):
		return fmt.Sprintf("a control character (U+%04X)", r)
	case unicode.IsSpace(r), unicode.Is(unicode.Zs, r):
		return fmt.Sprintf("a space (U+%04X)", r)
	case !unicode.IsGraphic(r), r == 0x2800, unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return fmt.Sprintf("an invisible character (U+%04X)", r)
	}
	return ""
}

// notText says why bytes are no text.
func notText(data []byte) error {
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return malformed{"the file is UTF-16, as > in Windows PowerShell writes it", "save it as UTF-8: Set-Content -Encoding ascii"}
	}
	return malformed{"the file is not UTF-8 text", "write the value there as plain text"}
}

// Malformed says of a secret what is wrong with it, where, and how to put it right,
// without the secret; "": nothing is.
func Malformed(s Secret) string {
	if err := flaw(s.Reveal()); err != nil {
		return err.Error()
	}
	return ""
}

// flawOf returns what err says of a text that cannot be a secret; "": it is about
// something else.
func flawOf(err error) string {
	if m, ok := errors.AsType[malformed](err); ok {
		return m.Error()
	}
	return ""
}
