package config

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"relay/internal/strictyaml"
)

var (
	// secretKey finds a key whose value must not be shown.
	secretKey = regexp.MustCompile(`(?i)["']?[a-z_]*(token|secret|password|keys|key|webhook|proxy)["']?\s*:`)
	// namesFile are keys of that kind whose value is a path.
	namesFile = regexp.MustCompile(`(?i)(_file|encryption_key)["']?\s*:$`)
	// flowValue is one value within { } and what follows it.
	flowValue = regexp.MustCompile(`^(\s*)("[^"\\]*"|'[^']*'|[^,\[\]{}"'\s]+)(,\s*[A-Za-z_]+\s*:.*)$`)
	urlUser   = regexp.MustCompile(`://[^/\s@"']*@`)
	urlToken  = regexp.MustCompile(`(?i)([a-z_]*(?:token|secret|key|password))=[^&\s"']+`)
	// swallowed is a quotation in a message that holds a secret's key: an unclosed
	// quote has swallowed the lines that follow it.
	swallowed = regexp.MustCompile(`(?i)"(?:[^"\\]|\\.)*(token|secret|password|keys|key|webhook|proxy)(?:["'\\])*\s*:(?:[^"\\]|\\.)*"`)
	anyKey    = regexp.MustCompile(`^\s*(-\s+)*["']?[A-Za-z_]+["']?\s*:(\s|$)`)
	// plainReference is a ${…} that tells nothing but a name.
	plainReference = regexp.MustCompile(`\$\{(env|file|cred):[^}:]+(:-|:\?[^}]*)?\}`)
	punctuation    = regexp.MustCompile(`^[\s"'\[\]{},-]*(\s#.*)?$`)
)

// conceal takes secrets out of the source lines that problems show, and out of
// what messages quote.
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

// concealLine returns source, line number n, without the secrets it may hold:
// what is behind a key that names one, the whole of a line that belongs to such
// a key further up, and passwords and tokens in URLs. Where it can, it keeps
// what follows in its column.
func concealLine(lines []string, n int, source string) string {
	source = urlUser.ReplaceAllString(source, "://"+hidden+"@")
	source = urlToken.ReplaceAllString(source, "$1="+hidden)
	if at := secretKey.FindStringIndex(source); at != nil && !namesFile.MatchString(source[at[0]:at[1]]) {
		head, tail := source[:at[1]], source[at[1]:]
		if tellsNothing(tail) {
			return source
		}
		if m := flowValue.FindStringSubmatch(tail); m != nil && strings.Contains(head, "{") {
			return head + m[1] + sameWidth(m[2]) + concealLine(nil, 0, m[3])
		}
		return head + " " + hidden
	}
	if anyKey.MatchString(source) || tellsNothing(source) {
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

// sameWidth hides text and takes up as many columns.
func sameWidth(text string) string {
	width := utf8.RuneCountInString(text)
	if width < len(hidden) {
		return strings.Repeat("*", width)
	}
	return hidden + strings.Repeat(" ", width-len(hidden))
}

func tellsNothing(text string) bool {
	text = plainReference.ReplaceAllString(text, "")
	return utf8.ValidString(text) && !secretKey.MatchString(text) && punctuation.MatchString(text)
}
