package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// holder hides a secret in an unexported field, where fmt calls no methods.
type holder struct {
	Open   Secret
	closed Secret
	list   []Secret
	deep   map[string]*Secret
}

// No way of printing a Secret shows its text.
func TestSecretNeverPrints(t *testing.T) {
	const text = "hunter2"
	s := NewSecret(text)
	values := []any{s, &s, []Secret{s}, map[string]Secret{"k": s}, holder{s, s, []Secret{s}, map[string]*Secret{"k": &s}}, &holder{closed: s}, Config{Admin: Admin{Token: s}}}
	forms := map[string]string{
		"text": text, "hex": fmt.Sprintf("%x", text), "HEX": fmt.Sprintf("%X", text), "bytes": strings.Trim(fmt.Sprint([]byte(text)), "[]"),
		"go bytes": strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(text)), "[]byte{"), "}"),
	}
	check := func(how, got string) {
		t.Helper()
		for form, leak := range forms {
			if strings.Contains(got, leak) {
				t.Errorf("%s tells the secret as %s: %s", how, form, got)
			}
		}
	}
	for _, v := range values {
		for _, verb := range "vTtbcdoOqxXUeEfFgGspw" {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "+#", "20", ".3"} {
				format := "%" + flags + string(verb)
				check(fmt.Sprintf("%T with %s", v, format), fmt.Sprintf(format, v))
			}
		}
		check("Print", fmt.Sprint(v))
		if j, err := json.Marshal(v); err == nil {
			check("JSON", string(j))
		}
		if y, err := yaml.Marshal(v); err == nil {
			check("YAML", string(y))
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("x", "value", v)
			check("slog", b.String())
		}
	}
	for how, got := range map[string]string{"%v": fmt.Sprintf("%v", s), "%s": fmt.Sprintf("%s", s), "%x": fmt.Sprintf("%x", s), "%#v": fmt.Sprintf("%#v", s), "String": s.String()} {
		if got != "<secret>" {
			t.Errorf("%s prints %q, want <secret>", how, got)
		}
	}
	j, err := json.Marshal(map[string]any{"token": s, "none": Secret{}})
	must(t, err)
	if string(j) != `{"none":"","token":"\u003csecret\u003e"}` {
		t.Errorf("JSON: %s", j)
	}
	y, err := yaml.Marshal(map[string]any{"token": s})
	must(t, err)
	if string(y) != "token: <secret>\n" {
		t.Errorf("YAML: %s", y)
	}
}

func TestSecretHoldsItsText(t *testing.T) {
	s := NewSecret("abc")
	switch {
	case s.Reveal() != "abc" || s.IsEmpty():
		t.Error("lost its text")
	case !s.Equal(NewSecret("abc")) || s.Equal(NewSecret("abd")) || s.Equal(Secret{}):
		t.Error("Equal")
	case !NewSecret("").IsEmpty() || !(Secret{}).Equal(NewSecret("")) || (Secret{}).String() != "":
		t.Error("empty")
	}
}
