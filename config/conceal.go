package config

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"relay/strictyaml"
)

var (
	// secretKey finds a key whose value must not be shown.
	secretKey = regexp.MustCompile(`(?i)["']?[a-z_]*(token|secret|password|keys|key|webhook|proxy)["']?\s*:`)
	anyKey    = regexp.MustCompile(`^\s*(-\s+)*["']?[A-Za-z_]+["']?\s*:(\s|$)`)
	// plainReference is a ${…} that tells nothing but a name.
	plainReference = regexp.MustCompile(`\$\{(env|file|cred):[^}:]+(:-|:\?[^}]*)?\}`)
	punctuation    = regexp.MustCompile(`^[\s"'\[\]{},-]*(#.*)?$`)
)

// conceal takes secrets out of the source lines that problems show.
func (l *loader) conceal(ps []strictyaml.Problem) []strictyaml.Problem {
	for i := range ps {
		ps[i].Source = concealLine(l.lines, ps[i].Line, ps[i].Source)
	}
	return ps
}

func splitLines(src []byte) []string {
	return strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")
}

// concealLine returns source, line number n, without the secrets it may hold:
// what is behind a key that names one, or the whole of a line that belongs to
// such a key further up.
func concealLine(lines []string, n int, source string) string {
	if at := secretKey.FindStringIndex(source); at != nil && !strings.HasSuffix(strings.TrimRight(source[:at[1]], ":"), "_file") {
		if tellsNothing(source[at[1]:]) {
			return source
		}
		return source[:at[1]] + " " + hidden
	}
	if anyKey.MatchString(source) || tellsNothing(source) {
		return source
	}
	for i := min(n-2, len(lines)-1); i >= 0; i-- {
		if !anyKey.MatchString(lines[i]) && !secretKey.MatchString(lines[i]) {
			continue
		}
		if secretKey.MatchString(lines[i]) {
			indent := source[:len(source)-len(strings.TrimLeft(source, " \t-"))]
			return indent + hidden
		}
		return source
	}
	return source
}

func tellsNothing(text string) bool {
	return utf8.ValidString(text) && punctuation.MatchString(plainReference.ReplaceAllString(text, ""))
}
