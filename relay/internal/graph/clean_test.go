package graph

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A message shows Meta's own names and relay's own id, and nothing personal.
func TestCleanText(t *testing.T) {
	const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	c := cleaner{secrets: []string{"s3cret+token"}, keep: "701000000000001"}
	for in, want := range map[string]string{
		"plain words stay":                                "plain words stay",
		"user ada@example.com is unknown":                 "user [e-mail] is unknown",
		"user ada%40example.com is unknown":               "user [e-mail] is unknown",
		"hash " + hash + " is bad":                        "hash [hash] is bad",
		"address 2001:db8:0:0:0:0:0:1 is bad":             "address [hash] is bad",
		"phone +1 (212) 555-0147 is bad":                  "phone [number] is bad",
		"code 2804003 is known":                           "code [number] is known",
		"dataset 701000000000001 is unknown":              "dataset 701000000000001 is unknown",
		"only 123456 digits":                              "only 123456 digits",
		`param "event_time" is bad`:                       `param "event_time" is bad`,
		`name "Ada" is bad`:                               "name [value] is bad",
		"name ‘Ada’, «Ada» or „Ada“ is bad":               "name [value], [value] or [value] is bad",
		"don't touch it's apostrophe":                     "don't touch it's apostrophe",
		"token s3cret+token and s3cret%2Btoken":           "token [secret] and [secret]",
		"access_token=abc&x=1":                            "access_token=[secret]&x=1",
		"EAABsbCS1234567890 leaked":                       "[secret] leaked",
		"app 123456789|abcdefgh-1234 leaked":              "app [secret] leaked",
		"two\nlines\x1b[31m and a zero-width\u200b space": "two lines[31m and a zero-width space",
		"no word is " + strings.Repeat("x", 81):           "no word is [value]",
		"invalid \xff text":                               "invalid \uFFFD text",
	} {
		if got := c.text(in); got != want {
			t.Errorf("%q\n gives %q\n want %q", in, got, want)
		}
	}
}

// A message has a bounded length and ends with a whole character.
func TestCleanTextLength(t *testing.T) {
	for _, in := range []string{strings.Repeat("ä ", 5000), strings.Repeat("a ", 5000)} {
		got := cleaner{}.text(in)
		if len(got) > maxMessage || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%d bytes: %q", len(got), got[max(0, len(got)-20):])
		}
	}
}
