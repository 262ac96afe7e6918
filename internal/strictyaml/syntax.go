package strictyaml

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// yamlPrefix matches the prefix of yaml.v3's errors. Its line is often that
// of the enclosing block, so syntaxProblem determines the line itself.
var yamlPrefix = regexp.MustCompile(`^yaml: (line (\d+): )?`)

func yamlWords(err error) string { return yamlPrefix.ReplaceAllString(err.Error(), "") }

// syntaxProblem reports the parser's error at its real position: the end of
// the shortest prefix of the file that fails in the same way. For an unclosed
// quote or bracket this is the opening one.
func (d *Document) syntaxProblem(src []byte, err error) {
	words := yamlWords(err)
	fails := func(end int) bool {
		_, _, err := parseNodes(src[:end])
		return err != nil && yamlWords(err) == words
	}
	ends := lineEnds(src)
	n := firstFailing(len(ends), reportedLine(err)-2, func(i int) bool { return i == len(ends)-1 || fails(ends[i]) })
	start := 0
	if n > 0 {
		start = ends[n-1]
	}
	line := src[start:ends[n]]
	var stops []int // offsets behind each character of the line
	for i := 0; i < len(line); {
		_, size := utf8.DecodeRune(line[i:])
		i += size
		stops = append(stops, i)
	}
	k := sort.Search(len(stops), func(i int) bool { return i == len(stops)-1 || fails(start+stops[i]) })
	column := min(k+1, utf8.RuneCount(trimBreak(line))+1)
	char := ""
	if k < len(stops) {
		from := 0
		if k > 0 {
			from = stops[k-1]
		}
		char = string(line[from:stops[k]])
	}
	if strings.HasPrefix(words, "unknown anchor") {
		if star := strings.LastIndex(string(line[:stops[k]]), "*"); star >= 0 {
			column = utf8.RuneCount(line[:star]) + 1
		}
	}
	written := d.lines[min(n, len(d.lines)-1)]
	if strings.Contains(words, "expected '-' indicator") {
		column = utf8.RuneCountInString(written) - utf8.RuneCountInString(strings.TrimLeft(written, " ")) + 1
	}
	message, hint := plainWords(words, char, written)
	d.add(n+1, column, message).Hint = hint
}

// firstFailing returns the first of n indexes that fails. The last one fails, and so do
// all after a failing one. A check is expensive, and the result is often just after
// guess.
func firstFailing(n, guess int, fails func(int) bool) int {
	low, high := 0, n-1
	if guess = min(max(guess, 0), n-1); fails(guess) {
		high = guess
	} else {
		low = guess + 1
		for step := 1; low+step < high; step *= 2 {
			if fails(low + step) {
				high = low + step
				break
			}
			low += step + 1
		}
	}
	return low + sort.Search(high-low, func(i int) bool { return fails(low + i) })
}

// reportedLine returns the line in the parser's error, or 0.
func reportedLine(err error) int {
	m := yamlPrefix.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[2]) // 0 when there is none
	return n
}

// lineEnds returns the offset after each line of src.
func lineEnds(src []byte) []int {
	var ends []int
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			n = 2
		}
		i += n
		if isBreak(r) {
			ends = append(ends, i)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] != len(src) {
		ends = append(ends, len(src))
	}
	return ends
}

func trimBreak(line []byte) []byte {
	return []byte(strings.TrimRightFunc(string(line), isBreak))
}

var colonNoSpace = regexp.MustCompile(`^\s*[^\s:"']+:[^\s:]`)

const (
	hintQuote  = "put the text in quotes"
	hintIndent = "check the indentation, and the quotes and brackets before this place"
)

// plainWords rewrites a parser error for people who do not know YAML's terms.
// char is the character at which the parser failed, line is its line.
func plainWords(words, char, line string) (message, hint string) {
	switch {
	case char == "\t" && (strings.Contains(words, "tab character") || strings.Contains(words, "cannot start any token")):
		return "a tab cannot be used to indent", "use spaces"
	case strings.Contains(words, "tab character"):
		return "a tab cannot be used to indent", "use spaces"
	case strings.Contains(words, "cannot start any token"):
		return fmt.Sprintf("a value cannot begin with %q", char), hintQuote
	case strings.Contains(words, "mapping values are not allowed"):
		return `":" cannot stand here`, "put the text in quotes if the colon belongs to it, or check the indentation"
	case strings.Contains(words, "could not find expected ':'"):
		if colonNoSpace.MatchString(line) {
			return `expected "key: value"`, "write a space after the colon"
		}
		return `expected "key: value"`, `a colon and a space are missing, or a quote above is not closed`
	case strings.Contains(words, "did not find expected key") && char == ":":
		return `a key is missing before ":"`, `write "key: value"`
	case strings.Contains(words, "did not find expected key"):
		return "this does not fit what is above it", hintIndent
	case strings.Contains(words, "expected '-' indicator"):
		return `expected a list item ("- …") here`, hintIndent
	case strings.Contains(words, "block sequence entries"):
		return `a list item ("- …") cannot stand here`, "begin the list on a line of its own"
	case strings.Contains(words, "expected ','") && strings.Contains(line, "${"):
		return "the list or object opened here is not closed", "inside [ ] and { }, put ${…} in quotes"
	case strings.Contains(words, "expected ',' or ']'"):
		return `the list opened here is not closed`, `separate items by commas, end with "]", and put text that holds special characters in quotes`
	case strings.Contains(words, "expected ',' or '}'"):
		return `the object opened here is not closed`, `separate entries by commas, end with "}", and put text that holds special characters in quotes`
	case strings.Contains(words, "unexpected end of stream"):
		return "the quote opened here is not closed", ""
	case strings.Contains(words, "unexpected document indicator"):
		return `"---" or "..." inside a quoted text`, "close the quote before it"
	case strings.Contains(words, "unknown escape character"), strings.Contains(words, "hexdecimal number"), strings.Contains(words, "character escape code"):
		return "unknown escape after \\ in double quotes", `use single quotes, or write \\ for a backslash`
	case strings.Contains(words, "expected node content"):
		return "expected a value here", hintIndent
	case strings.Contains(words, "mapping keys are not allowed"):
		return `"?" cannot stand here`, hintQuote
	case strings.HasPrefix(words, "unknown anchor"):
		name := strings.TrimSuffix(strings.TrimPrefix(words, "unknown anchor '"), "' referenced")
		return fmt.Sprintf("the alias *%s has no anchor &%s before it", name, name), `put the text in quotes if it begins with "*"`
	case strings.Contains(words, "alphabetic or numeric character"):
		return `"&" or "*" needs a name after it`, hintQuote
	case strings.Contains(words, "max depth"):
		return "nested too deeply", ""
	case strings.Contains(words, "directive"), strings.Contains(words, "%YAML"), strings.Contains(words, "%TAG"), strings.Contains(words, "version"), strings.Contains(words, "incompatible YAML"):
		return `a line that begins with "%" is a YAML directive, and this one is not understood`, "remove the line"
	case strings.Contains(words, "<document start>"):
		return "expected the document to begin or end here", hintIndent
	case strings.Contains(words, "tag"), strings.Contains(words, "'!'"), strings.Contains(words, "'>'"):
		return `a word that begins with "!" is a YAML tag, and this one is not understood`, hintQuote
	case strings.Contains(words, "indentation indicator"), strings.Contains(words, "comment or line break"):
		return `text after "|" or ">" begins on the next line`, hintQuote
	}
	return words, ""
}
