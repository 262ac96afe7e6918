package strictyaml

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// walk uses every accessor on everything below v.
func walk(v Value) {
	v.Key().Pos()
	v.Bool()
	v.Int()
	v.Float()
	v.Duration()
	v.Size()
	v.Texts()
	if o, ok := v.Object(); ok {
		o.Field("known")
		o.Done()
		for _, f := range o.Fields() {
			walk(f.Value)
		}
	}
	items, _ := v.List()
	for _, item := range items {
		walk(item)
	}
}

// Whatever the bytes are: no panic, every problem has a place in the file, and
// a readable document can be written as JSON.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a: 1\n", "", "\ufeffa: b\r\n", "? [a]\n: b\n<<: {c: d}\n", "a: &x [*x]\n", "a: \"b\n", "- [}\n", "a: |\n x\n\ty\n",
		"%YAML 1.1\n---\na: !!binary x\n...\n---\n", "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "é: \u2028\u0085 x\n", "\xff\xfea\x00",
		"{a: {b: {c: [d, {e: f}]}}}", "#c\n#d\n a: 1 # e\n\n#f\nb:\n  - x\n  # g\n", "a: 'it''s' \n", ": :\n", "!!map {a: b}", "*a : b", "known: 0123\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<14 {
			return
		}
		d, err := Parse("f.yaml", src)
		if err == nil {
			if !json.Valid(d.Root().JSON()) {
				t.Errorf("no JSON: %s", d.Root().JSON())
			}
			walk(d.Root())
			d.Expand(func(_ Value, text string) (string, error) {
				if strings.Contains(text, "x") {
					return "", errors.New("no")
				}
				return text + "!", nil
			})
			walk(d.Root())
			err = d.Err()
		}
		if err == nil {
			return
		}
		var ps Problems
		if !errors.As(err, &ps) || len(ps) == 0 || len(ps) > maxProblems+1 {
			t.Fatalf("%T with %d problems", err, len(ps))
		}
		lines := splitLines(src)
		for _, p := range ps {
			if p.Line < 1 || p.Line > len(lines)+1 || p.Column < 1 || p.Message == "" || strings.Contains(p.Message, "yaml:") {
				t.Errorf("%+v in a file of %d lines", p, len(lines))
			}
			if utf8.Valid(src) && p.Line <= len(lines) && p.Column > utf8.RuneCountInString(lines[p.Line-1])+2 {
				t.Errorf("column %d of %q: %s", p.Column, lines[p.Line-1], p.Message)
			}
			if r := p.Render(); !utf8.ValidString(r) || strings.ContainsAny(r, "\x00\x1b\r") {
				t.Errorf("unprintable: %q", r)
			}
		}
	})
}

func FuzzSuggest(f *testing.F) {
	f.Add("listen", "lsiten")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := Suggest(a, []string{b}); got != "" && got != b {
			t.Errorf("suggests %q", got)
		}
	})
}

// The slowest that hostile files can make Parse: with a syntax error at the very end, of
// the largest size.
func BenchmarkParseBrokenAtTheEnd(b *testing.B) {
	for name, line := range map[string]string{"keys": "Order Completed %: {to: \"701000000000001\", as: Purchase}\n", "flow": "- [a, b, {c: d}]\n"} {
		src := []byte(strings.Repeat(strings.Replace(line, "%", "", 1), (MaxSize-100)/len(line)) + "x: y: z\n")
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if _, err := Parse("f.yaml", src); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
