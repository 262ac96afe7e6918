package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"relay/relay/internal/api"
)

func letterLine(id string) string {
	return fmt.Sprintf(`{"id":%q,"reason":"rejected","received_at":"2026-01-02T10:00:00Z","dead_at":"2026-01-02T10:01:00Z","body":{"event":"X"}}`, id)
}

// Every line is a letter; empty lines are skipped; a second reading begins again.
func TestEachLetter(t *testing.T) {
	in := strings.NewReader(letterLine("a") + "\n\n  \n" + letterLine("b") + "\n")
	for range 2 {
		var ids []string
		err := EachLetter(in, func(x api.DeadDetail, bytes int) error {
			if bytes != len(letterLine("a")) {
				t.Errorf("%s: %d bytes", x.ID, bytes)
			}
			ids = append(ids, x.ID)
			return nil
		})
		if err != nil || strings.Join(ids, "") != "ab" {
			t.Errorf("%v, %v", ids, err)
		}
	}
}

// A line that is not a letter is an error that names the line, and an error of the caller
// ends the reading.
func TestEachLetterErrors(t *testing.T) {
	for text, want := range map[string]string{
		letterLine("a") + "\nno JSON\n":                                          "line 2: not a dead letter",
		"\n" + strings.Replace(letterLine("a"), "rejected", "", 1):               "line 2: not a dead letter",
		strings.Replace(letterLine("a"), `"body"`, `"masked":true,"body"`, 1):    "line 1: the event is masked",
		strings.Replace(letterLine("a"), `"body":{"event":"X"}`, `"list":""`, 1): "line 1: the event is missing",
	} {
		err := EachLetter(strings.NewReader(text), func(api.DeadDetail, int) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	stop := errors.New("stop")
	n := 0
	err := EachLetter(strings.NewReader(letterLine("a")+"\n"+letterLine("b")), func(api.DeadDetail, int) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%d letters, %v", n, err)
	}
}
