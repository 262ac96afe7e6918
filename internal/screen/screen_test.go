package screen_test

import (
	"testing"

	"relay/internal/screen"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"Order Completed":        "Order Completed",
		"Größe 靴 👟":              "Größe 靴 👟",
		"a\tb\nc\rd":             "a b c d",
		"a\u2028b\u2029c\u0085d": "a b c d",
		"\x1b[31mred":            "�[31mred",
		"a\u009b2Jb\x7f":         "a�2Jb�",
		"a\u202egnp.exe":         "a�gnp.exe",
		"a\u2066b\u2069":         "a�b�",
		"":                       "",
		"\xff":                   "�",
	} {
		if got := screen.Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRune(t *testing.T) {
	for in, want := range map[rune]rune{'\t': '\t', '\n': '\n', 'ß': 'ß', 0x1b: '�', 0x9b: '�', '\u202e': '�'} {
		if got := screen.Rune(in); got != want {
			t.Errorf("Rune(%U) = %U, want %U", in, got, want)
		}
	}
}
