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

// malformed is the error of a text that cannot be a secret: what is wrong and where,
// and the fix. Neither field holds any part of the text.
type malformed struct{ what, fix string }

// Error returns what is wrong and what to do about it.
func (m malformed) Error() string { return m.what + "; " + m.fix }

// trimmed removes what editors and `echo` add to a secret: a byte order mark before it
// and line ends after it.
func trimmed(text string) string {
	return strings.TrimRight(strings.TrimPrefix(text, "\ufeff"), "\r\n")
}

var (
	// A name in front, as in .env files and shells. A write key can hold an "=",
	// so the name must look like an environment variable or contain token, key or secret.
	namedWith = regexp.MustCompile(`^(?i:export[ \t]+|set[ \t]+|\$env:)?(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?i:(?:[a-z0-9]+[_-])*(?:token|accesstoken|secret|appsecret|password)))[ \t]*[=:][ \t]*(?:[^= \t]|$)`)
	schemed   = regexp.MustCompile(`^(?i:bearer|basic|oauth)[ \t]`)
)

// quotes are the quotation marks that people and word processors put around text.
const quotes = "\"'`´“”„‟‘’‚‛«»‹›"

// flaw returns why a trimmed text cannot be a token or key; nil: it can.
func flaw(text string) error {
	if lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
		return malformed{fmt.Sprintf("it has %d lines", len(lines)), "keep only the line with the secret"}
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
		return malformed{"it begins with a bracket, like JSON", "keep only the secret, without name, brackets and quotes"}
	case namedWith.MatchString(text):
		return malformed{"it begins with a name and = or :, like a line of an .env or YAML file", "keep only the part after it, without quotes"}
	case schemed.MatchString(text):
		return malformed{"it begins with a word such as Bearer and a space, like a header", "keep only the part after the space"}
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
			return malformed{fmt.Sprintf("character %d is %s", n, name), "remove it: copy the secret again, without the text around it"}
		}
	}
	return nil
}

// unprintable returns the name of a character that no token or key contains and that is
// mostly invisible; "" for any other character.
func unprintable(r rune) string {
	switch r {
	case ' ':
		return "a space"
	case '\t':
		return "a tab"
	case '\n', '\r':
		return "a line end"
	case utf8.RuneError:
		return "a replacement character (U+FFFD, from text read in a wrong encoding)"
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

// notText returns why bytes are not text.
func notText(data []byte) error {
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return malformed{"the file is UTF-16, as written by > in Windows PowerShell", "save it as UTF-8: Set-Content -Encoding ascii"}
	}
	return malformed{"the file is not UTF-8 text", "write only the value there, as plain text"}
}

// Malformed returns what is wrong with a secret, where, and the fix, without the secret
// itself; "": nothing is wrong.
func Malformed(s Secret) string {
	if err := flaw(s.Reveal()); err != nil {
		return err.Error()
	}
	return ""
}

// flawOf returns the text of a malformed error; "" for any other error.
func flawOf(err error) string {
	if m, ok := errors.AsType[malformed](err); ok {
		return m.Error()
	}
	return ""
}
