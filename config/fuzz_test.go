package config

import (
	"errors"
	"strings"
	"testing"
)

// Whatever text is around a secret in a broken file, Load does not panic, returns an InvalidError or
// a Config, and no message contains the secret.
func FuzzLoadConcealsSecrets(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""},
		{"rate: { burst: many }\n", "\n"},
		{"listen: \"127", "\"\n"},
		{"x: [", ": y]\n"},
		{"", "\n  access_token: b\n"},
		{"a: {", "}"},
		{"\t", ""},
		{"", "\"\n"},
		{"? ", " : x\n"},
		{"auth:\n  write_keys:\n  - ", "\n"},
		{"", ", lsten: 1}"},
		{"- ", "\n- [\n"},
		{"listen: ${env:A}\n", "\nadmin: { token: \"${env:S}\" }\n"},
	} {
		f.Add(seed[0], seed[1], uint8(0))
		f.Add(seed[0], seed[1], uint8(1))
		f.Add(seed[0], seed[1], uint8(2))
	}
	forms := []string{"graph:\n  access_token: hunter2", "admin: { token: \"hunter2\"", "auth:\n  write_keys: [hunter2]"}
	f.Fuzz(func(t *testing.T, before, after string, form uint8) {
		if len(before)+len(after) > 1<<12 || strings.Contains(before+after, "hunter2") {
			return
		}
		src := before + forms[int(form)%len(forms)] + after
		c, warnings, err := Parse("relay.yaml", []byte(src), environment(map[string]string{"S": "hunter2 hunter2"}))
		if (c == nil) != (err != nil) {
			t.Fatalf("config %v with error %v", c, err)
		}
		out := ""
		for _, w := range warnings {
			out += w.Render()
		}
		var invalid *InvalidError
		if err != nil {
			if !errors.As(err, &invalid) || !errors.Is(err, ErrInvalid) {
				t.Fatalf("%T", err)
			}
			out += messagesOf(invalid)
		}
		if strings.Contains(out, "hunter2") {
			t.Errorf("%q\ntells\n%s", src, out)
		}
	})
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"", "${env:A:-${env:B:-c}}", "$${env:A}", "${file:x:?m}", "${cred:}", "${", "}${env:A}{"} {
		f.Add(seed)
	}
	dir := f.TempDir()
	e := expander{dir: dir, lookupEnv: func(n string) (string, bool) { return "hunter2", n == "S" }}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file:") || len(text) > 1<<12 {
			return // it would read files of the machine
		}
		out, src, err := e.expand(text)
		if err != nil && !strings.Contains(text, "hunter2") && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && !strings.Contains(text, "${") && (out != text || src.kind != "") {
			t.Errorf("%q became %q", text, out)
		}
	})
}
