package graph

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// maxMessage is the longest Result.Message, in bytes.
const maxMessage = 600

// cleaner makes text from outside safe to log and to show.
type cleaner struct {
	secrets []string // never shown
	keep    string   // an id of relay's own, which can be shown
}

// form returns a pattern that is compiled on first use: compiled at start, the
// patterns would cost more time and memory than the rest of this package.
func form(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var (
	mailForm   = form(`[^\s"'<>()\[\],;:=]+(?:@|%40)[^\s"'<>()\[\],;:=]+`)
	hexForm    = form(`(?i)\b[0-9a-f]{24,}\b|\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b`)
	secretForm = form(`(?i)\b(access_token|appsecret_proof|input_token|client_secret)(["']?\s*[=:]\s*["']?)[^\s"'&,;]+`)
	tokenForm  = form(`\b(?:EAA|IGQ)[0-9A-Za-z_-]{12,}|\b\d{6,}\|[0-9A-Za-z_-]{8,}`)
	numberForm = form(`[+(]?\d(?:[\s().\-/·\x{00a0}\x{202f}]{0,2}\d){6,}`)
	quotedForm = form(`(^|[^\pL\pN])("[^"]{1,400}"|'[^']{1,400}'|‘[^’]{1,400}’|“[^”]{1,400}”|„[^“”]{1,400}[“”]|«[^»]{1,400}»)`)
	longForm   = form(`[^\s]{81,}`)
)

// text cleans a server's text: it removes secrets, e-mail addresses, hashes,
// numbers of seven digits or more (phones, ids, times; the codes are in the
// Result), and quoted values that are not in the vocabulary. The result is one
// line of at most maxMessage bytes.
func (c cleaner) text(s string) string {
	if len(s) > 8*maxMessage {
		s = s[:8*maxMessage]
	}
	s = oneLine(s)
	s = c.removeSecrets(s)
	s = mailForm().ReplaceAllString(s, "[e-mail]")
	s = hexForm().ReplaceAllString(s, "[hash]")
	s = numberForm().ReplaceAllStringFunc(s, func(m string) string {
		if c.keep != "" && m == c.keep {
			return m
		}
		return "[number]"
	})
	s = quotedForm().ReplaceAllStringFunc(s, func(m string) string {
		g := quotedForm().FindStringSubmatch(m)
		_, first := utf8.DecodeRuneInString(g[2])
		_, last := utf8.DecodeLastRuneInString(g[2])
		inner := g[2][first : len(g[2])-last]
		if vocabulary[strings.ToLower(inner)] || inner == c.keep || strings.HasPrefix(inner, "[") {
			return m
		}
		return g[1] + "[value]"
	})
	s = longForm().ReplaceAllString(s, "[value]")
	return shorten(s)
}

func (c cleaner) removeSecrets(s string) string {
	for _, k := range c.secrets {
		if len(k) >= 4 {
			s = strings.ReplaceAll(s, k, "[secret]")
			s = strings.ReplaceAll(s, url.QueryEscape(k), "[secret]")
		}
	}
	s = secretForm().ReplaceAllString(s, "$1$2[secret]")
	return tokenForm().ReplaceAllString(s, "[secret]")
}

// oneLine replaces white space by single spaces and removes control and invisible
// characters, which could corrupt a log or a terminal.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	s = s[:maxMessage-len("…")]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
