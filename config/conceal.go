package config

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"relay/internal/strictyaml"
)

var (
	// secretKey matches a key whose value must not be shown.
	secretKey = regexp.MustCompile(`(?i)["']?[a-z_]*(token|secret|password|keys|key|webhook|proxy)["']?\s*:`)
	// namesFile matches such a key whose value is a path.
	namesFile = regexp.MustCompile(`(?i)(_file|encryption_key)["']?\s*:$`)
	// flowValue matches one value within { } and the text after it.
	flowValue = regexp.MustCompile(`^(\s*)("[^"\\]*"|'[^']*'|[^,\[\]{}"'\s]+)(,\s*[A-Za-z_]+\s*:.*)$`)
	urlUser   = regexp.MustCompile(`://[^/\s@"']*@`)
	urlToken  = regexp.MustCompile(`(?i)([a-z_]*(?:token|secret|key|password))=[^&\s"']+`)
	// swallowed matches a quotation in a message that contains a secret's key: an unclosed
	// quote includes the lines after it.
	swallowed = regexp.MustCompile(`(?i)"(?:[^"\\]|\\.)*(token|secret|password|keys|key|webhook|proxy)(?:["'\\])*\s*:(?:[^"\\]|\\.)*"`)
	anyKey    = regexp.MustCompile(`^\s*(-\s+)*["']?[A-Za-z_]+["']?\s*:(\s|$)`)
	// plainReference matches a ${…} that contains only a name.
	plainReference = regexp.MustCompile(`\$\{(env|file|cred):[^}:]+(:-|:\?[^}]*)?\}`)
	punctuation    = regexp.MustCompile(`^[\s"'\[\]{},-]*(\s#.*)?$`)
)

// conceal removes secrets from the source lines and quotations that problems show.
func (l *loader) conceal(ps []strictyaml.Problem) []strictyaml.Problem {
	for i := range ps {
		ps[i].Source = concealLine(l.lines, ps[i].Line, ps[i].Source)
		ps[i].Message = swallowed.ReplaceAllString(ps[i].Message, `"`+hidden+`"`)
	}
	return ps
}

func splitLines(src []byte) []string {
	return strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")
}

// concealLine returns source, line number n, without secrets: the value of a key
// that names one, the whole line if it belongs to such a key above, and passwords
// and tokens in URLs. If possible, the text after a secret keeps its column.
func concealLine(lines []string, n int, source string) string {
	source = urlUser.ReplaceAllString(source, "://"+hidden+"@")
	source = urlToken.ReplaceAllString(source, "$1="+hidden)
	shown := 0 // after keys whose value is the path of a certificate's key
	for {
		at := secretKey.FindStringIndex(source[shown:])
		if at == nil || !certificateKey(lines, n, source, shown+at[0], shown+at[1]) {
			break
		}
		shown += at[1]
	}
	if shown > 0 {
		return source[:shown] + concealLine(lines, n, source[shown:])
	}
	if at := secretKey.FindStringIndex(source); at != nil && !namesFile.MatchString(source[at[0]:at[1]]) {
		head, tail := source[:at[1]], source[at[1]:]
		if harmless(tail) {
			return source
		}
		if m := flowValue.FindStringSubmatch(tail); m != nil && strings.Contains(head, "{") {
			return head + m[1] + sameWidth(m[2]) + concealLine(nil, 0, m[3])
		}
		return head + " " + hidden
	}
	if anyKey.MatchString(source) || harmless(source) {
		return source
	}
	for i := min(n-2, len(lines)-1); i >= 0; i-- {
		if secretKey.MatchString(lines[i]) {
			indent := source[:len(source)-len(strings.TrimLeft(source, " \t-"))]
			return indent + hidden
		}
		if anyKey.MatchString(lines[i]) {
			return source
		}
	}
	return source
}

var (
	bareKey = regexp.MustCompile(`^["']?key["']?\s*:$`)
	besides = regexp.MustCompile(`["']?cert["']?\s*:[^{}]*$|^[^{}]*,\s*["']?cert["']?\s*:|tls["']?\s*:\s*\{[^{}]*$`)
	tlsKey  = regexp.MustCompile(`^\s*["']?tls["']?\s*:\s*(#.*)?$`)
)

// certificateKey reports whether the key in source from begin to end belongs to a
// tls section. Its value is then a path and not a secret, unless it came through ${…}.
func certificateKey(lines []string, n int, source string, begin, end int) bool {
	if !bareKey.MatchString(source[begin:end]) {
		return false
	}
	if besides.MatchString(source[:begin]) || besides.MatchString(source[end:]) {
		return true
	}
	indent := len(source) - len(strings.TrimLeft(source, " "))
	for i := min(n-2, len(lines)-1); i >= 0 && begin == indent; i-- {
		text := strings.TrimLeft(lines[i], " ")
		if text == "" || strings.HasPrefix(text, "#") || len(lines[i])-len(text) >= indent {
			continue
		}
		return tlsKey.MatchString(lines[i])
	}
	return false
}

// sameWidth returns a hidden text of the same width, in columns.
func sameWidth(text string) string {
	width := utf8.RuneCountInString(text)
	if width < len(hidden) {
		return strings.Repeat("*", width)
	}
	return hidden + strings.Repeat(" ", width-len(hidden))
}

func harmless(text string) bool {
	text = plainReference.ReplaceAllString(text, "")
	return utf8.ValidString(text) && !secretKey.MatchString(text) && punctuation.MatchString(text)
}
