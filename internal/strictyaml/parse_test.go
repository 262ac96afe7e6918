package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// problemsOf parses src, reads all of it as names and texts, and returns every
// problem as "line:column: message | hint".
func problemsOf(src string) []string {
	doc, err := Parse("f.yaml", []byte(src))
	if err == nil {
		err = doc.Err()
	}
	var ps Problems
	if err != nil && !errors.As(err, &ps) {
		return []string{fmt.Sprintf("not Problems: %T %v", err, err)}
	}
	var out []string
	for _, p := range ps {
		line := fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message)
		if p.Hint != "" {
			line += " | " + p.Hint
		}
		out = append(out, line)
	}
	return out
}

func TestParseProblems(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
		"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
	tests := []struct{ name, src, want string }{
		{"fine", "a: 1\nb: [x, y]\n", ""},
		{"byte order mark", "\ufeffa: 1\n", ""},
		{"carriage returns", "a: 1\r\nb:\r\n  - x\r\n", ""},
		{"document mark", "---\na: 1\n...\n", ""},
		{"empty", "", "1:1: the file is empty"},
		{"blank", " \n\n", `1:1: the file is empty`},
		{"comments only", "# nothing\n# here\n", `1:1: the file is empty`},
		{"null", "~\n", `1:1: the file is empty`},
		{"mark only", "---\n", `1:1: the file is empty`},
		{"utf-16 le", "\xff\xfea\x00:\x00", `1:1: the file is encoded as UTF-16 | save it as UTF-8`},
		{"utf-16 be", "\xfe\xff\x00a", `1:1: the file is encoded as UTF-16 | save it as UTF-8`},
		{"utf-16 without mark", "a\x00:\x00 \x001\x00", `1:1: the file is encoded as UTF-16 | save it as UTF-8`},
		{"utf-32", "\xff\xfe\x00\x00a\x00\x00\x00", `1:1: the file is encoded as UTF-32 | save it as UTF-8`},
		{"latin-1", "a: 1\nname: Caf\xe9\n", `2:10: byte 0xE9 is not valid UTF-8 | save the file as UTF-8`},
		{"control", "a: 1\nb: x\x07y\x08\n", `2:5: control character U+0007 is not allowed | remove the invisible character`},
		{"zero byte", "a: 1\nb: \x00\n", `2:4: control character U+0000 is not allowed | remove the invisible character`},
		{"tab indent", "a:\n\tb: 1\n", `2:1: a tab cannot be used to indent | use spaces`},
		{"tab indent deeper", "a:\n  b: 1\n\tc: 1\n", `3:1: a tab cannot be used to indent | use spaces`},
		{"two colons", "a: 1\nb: c: d\n", `2:5: ":" cannot stand here | put the text in quotes if the colon belongs to it, or check the indentation`},
		{"no colon", "a: 1\nfoo\nb: 2\n", `2:1: expected "key: value" | a colon and a space are missing, or a quote above is not closed`},
		{"no space after colon", "a: 1\nb:2\nc: 3\n", `2:3: expected "key: value" | write a space after the colon`},
		{"dedent between", "a:\n  b: 1\n c: 2\n", `3:2: this does not fit what is above it | check the indentation, and the quotes and brackets before this place`},
		{"unclosed quote", "x: 1\na: \"b\nc: 2\n", `2:4: the quote opened here is not closed`},
		{"unclosed single quote first line", "a: 'b\nc: 2\n", `1:4: the quote opened here is not closed`},
		{"unclosed list", "x: [1]\na: [1, 2\nb: 3\n", `2:5: the list opened here is not closed | separate items by commas, end with "]", and put text that holds special characters in quotes`},
		{"unclosed object", "a: {x: 1\nb: 3\n", `1:5: the object opened here is not closed | separate entries by commas, end with "}", and put text that holds special characters in quotes`},
		{"env in flow", "a: [${env:X:-}]\n", `1:5: the list or object opened here is not closed | inside [ ] and { }, put ${…} in quotes`},
		{"text after quote", "a: 'x' y\n", `1:8: this does not fit what is above it | check the indentation, and the quotes and brackets before this place`},
		{"closing bracket", "a: ]\n", `1:4: expected a value here | check the indentation, and the quotes and brackets before this place`},
		{"at sign", "a: 1\nb: @x\n", `2:4: a value cannot begin with "@" | put the text in quotes`},
		{"backtick", "a: `x`\n", "1:4: a value cannot begin with \"`\" | put the text in quotes"},
		{"percent", "a: %x\n", `1:4: a value cannot begin with "%" | put the text in quotes`},
		{"escape", "a: \"C:\\data\"\n", `1:7: unknown escape after \ in double quotes | use single quotes, or write \\ for a backslash`},
		{"list then key", "- a\nb: c\n", `2:1: expected a list item ("- …") here | check the indentation, and the quotes and brackets before this place`},
		{"list on key line", "a: - b\n", `1:4: a list item ("- …") cannot stand here | begin the list on a line of its own`},
		{"unknown anchor", "a: 1\nb: *xy\n", `2:4: the alias *xy has no anchor &xy before it | put the text in quotes if it begins with "*"`},
		{"lonely star", "a: *\n", `1:4: "&" or "*" needs a name after it | put the text in quotes`},
		{"second document", "a: 1\n---\nb: 2\n", `2:1: a second document begins here; only one is allowed | remove the "---" line`},
		{"second document broken", "a: 1\n---\nb: [\n", `3:4: expected a value here | check the indentation, and the quotes and brackets before this place`},
		{"directive", "%FOO\n---\na: 1\n", `1:2: a line that begins with "%" is a YAML directive, and this one is not understood | remove the line`},
		{"duplicate", "a: 1\nb:\n  c: 1\n  c: 2\na: 2\n", "4:3: duplicate key \"c\" | it is first set on line 3\n" +
			"5:1: duplicate key \"a\" | it is first set on line 1"},
		{"duplicate quoted", "1: a\n\"1\": b\n", `2:1: duplicate key "1" | it is first set on line 1`},
		{"merge", "a: &a {x: 1}\nb:\n  <<: *a\n", `3:3: merge keys (<<) are not supported | write the keys out`},
		{"panic of yaml.v3", "? [a]\n: b\n<<: {c: d}\n", "1:3: a key must be plain text | put it in quotes if it is meant as text\n" +
			"3:1: merge keys (<<) are not supported | write the keys out"},
		{"object key", "{a: b}: c\n", `1:1: a key must be plain text | put it in quotes if it is meant as text`},
		{"alias key", "a: &x y\n*x : c\n", `2:1: a key must be plain text | put it in quotes if it is meant as text`},
		{"empty key", ": c\n", `1:1: a key is missing before ":" | write "key: value"`},
		{"tags", "a: !x y\nb: !!int 5\nc: !!str 5\nd: !!binary aGk=\n", "1:4: the tag !x is not supported | write the value without it; put it in quotes if the \"!\" is part of the text\n" +
			"2:4: the tag !!int is not supported | write the value without it; put it in quotes if the \"!\" is part of the text\n" +
			"4:4: the tag !!binary is not supported | write the value without it; put it in quotes if the \"!\" is part of the text"},
		{"loop", "a: &x\n  - *x\n", `2:5: the alias *x refers to a value that contains it | write the value out instead of the alias`},
		{"bomb", bomb, `4:29: aliases expand this file to more than 10000 values | write the values out, or use fewer aliases`},
		{"bomb of text", "a: &x " + strings.Repeat("y", 100_000) + "\nb: [" + strings.Repeat("*x,", 5000) + "]\n", `2:35: aliases expand this file to more than 1048576 bytes of text | write the values out, or use fewer aliases`},
		{"deep", "a: " + deep, `1:203: nested more than 200 levels deep`},
		{"very deep", strings.Repeat("[", 20000), `1:10001: nested too deeply`},
		{"block header", "a: |x\n  y\n", `1:5: text after "|" or ">" begins on the next line | put the text in quotes`},
		{"wrong tag", "a: !<x y\n", `1:6: a word that begins with "!" is a YAML tag, and this one is not understood | put the text in quotes`},
		{"line separator", "a: x\u2028b: [\n", `2:4: expected a value here | check the indentation, and the quotes and brackets before this place`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(problemsOf(tt.src), "\n"); got != tt.want {
				t.Errorf("%q\n got %s\nwant %s", tt.src[:min(len(tt.src), 100)], got, tt.want)
			}
		})
	}
}
