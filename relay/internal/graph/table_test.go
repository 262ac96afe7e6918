package graph

import (
	"fmt"
	"slices"
	"testing"

	"relay/internal/meta"
)

// codes are numbers that a row stands for.
func codes(r meta.Code) []int {
	switch {
	case r.To == 0:
		return []int{r.Code}
	case r.To < 0:
		return []int{-1, -3, -1000}
	}
	var out []int
	for c := r.Code; c <= r.To; c++ {
		if _, own := verdicts[key{c, 0}]; !own { // which is more exact
			out = append(out, c)
		}
	}
	return out
}

// TestEveryRow: the verdict, and the class of a whole answer in every envelope and with
// every status, since status and type decide nothing.
func TestEveryRow(t *testing.T) {
	rows := meta.Codes()
	if len(rows) < 80 {
		t.Fatalf("only %d rows: is the table whole?", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if !slices.Contains(classNames[:], r.Class) {
			t.Errorf("%d/%d: no class %q", r.Code, r.Subcode, r.Class)
			continue
		}
		if id := fmt.Sprint(r.Code, r.To, r.Subcode, r.Text); seen[id] {
			t.Errorf("%d/%d stands in the table twice", r.Code, r.Subcode)
		} else {
			seen[id] = true
		}
		want, said := classNamed(r.Class), "m"
		if r.Text != "" {
			said = "(#" + fmt.Sprint(r.Code) + ") " + r.Text + " provided"
		}
		for _, code := range codes(r) {
			if got, known := Verdict(code, r.Subcode); (got != want || !known) && r.Text == "" {
				t.Errorf("Verdict(%d, %d) = %v, %v; want %v", code, r.Subcode, got, known, want)
			}
			for _, status := range []int{200, 400, 401, 403, 429, 500, 503} {
				for _, body := range []string{
					fmt.Sprintf(`{"error":{"message":%q,"type":"OAuthException","code":%d,"error_subcode":%d,"is_transient":false,"fbtrace_id":"T"}}`, said, code, r.Subcode),
					fmt.Sprintf(`{"error_code":%d,"error_msg":%q,"error_type":"OAuthException","error_subcode":%d}`, code, said, r.Subcode),
					fmt.Sprintf(`{"error":{"message":%q,"code":"%d","error_subcode":"%d"}}`, said, code, r.Subcode),
				} {
					a := answer{status: status, header: nil, body: []byte(body), sent: 3, version: "v26.0"}
					if res := a.result(); res.Class != want || res.Code != code || res.Subcode != r.Subcode {
						t.Errorf("HTTP %d %s\n gives %v %d/%d, want %v", status, body, res.Class, res.Code, res.Subcode, want)
					}
				}
			}
		}
	}
}

// The codes on which most hangs, said a second time: a slip in the table would else be
// one of relay.
func TestCodesThatMatterMost(t *testing.T) {
	for want, list := range map[Class][][2]int{
		Retry:        {{1, 0}, {2, 0}, {-5, 0}, {5000, 0}},
		Throttle:     {{4, 0}, {17, 0}, {32, 0}, {613, 0}, {80004, 0}, {80004, 2446079}, {368, 0}},
		TokenPause:   {{190, 0}, {190, 463}, {190, 460}, {102, 0}},
		PermPause:    {{3, 0}, {10, 0}, {200, 0}, {250, 0}, {299, 0}, {294, 0}},
		ConfigPause:  {{100, 33}, {104, 0}, {275, 0}, {803, 0}, {2635, 0}},
		InvalidBatch: {{100, 0}, {100, 1815356}},
		InvalidEvent: {{100, 2804003}, {100, 2804004}, {100, 2804009}, {100, 2804010}, {100, 2804016}, {100, 2804019}, {100, 2804023}, {100, 2804050}},
		Duplicate:    {{100, 2044011}},
	} {
		for _, c := range list {
			if got, known := Verdict(c[0], c[1]); got != want || !known {
				t.Errorf("Verdict(%d, %d) = %v, %v; want %v", c[0], c[1], got, known, want)
			}
		}
	}
}

// Answers without JSON are judged by their status (docs/meta.md 6.9).
func TestStatuses(t *testing.T) {
	for want, list := range map[Class][]int{
		Retry:        {302, 403, 500, 503, 520, 599}, // of 403 drain and batch look for the event that a firewall refuses
		Doubt:        {200, 204, 502, 504},           // gateways that lost the answer behind them
		Throttle:     {429},
		ConfigPause:  {407},
		InvalidBatch: {413},
	} {
		for _, status := range list {
			if got := StatusVerdict(status); got != want {
				t.Errorf("%d is %v, want %v", status, got, want)
			}
		}
	}
}

// A text that only holds the words, as one that quotes an event does, decides
// nothing; nor does one beside a subcode.
func TestSayings(t *testing.T) {
	for _, c := range []struct {
		code, sub int
		text      string
		want      Class
	}{
		{100, 0, "Invalid appsecret_proof provided in the API argument", ConfigPause},
		{100, 0, "(#100) missing permission", PermPause},
		{100, 0, "(#100) param custom_data has the member Missing Permission", InvalidBatch},
		{100, 0, "(#100) param x) Missing Permission", InvalidBatch},
		{100, 2804019, "Missing Permission", InvalidEvent},
		{190, 0, "Invalid appsecret_proof provided in the API argument", TokenPause},
		{1, 0, "An unknown error occurred", Retry},
		{1, 99, "Please reduce the amount of data", Retry},
	} {
		body := fmt.Sprintf(`{"error":{"message":%q,"code":%d,"error_subcode":%d}}`, c.text, c.code, c.sub)
		a := answer{status: 400, body: []byte(body), sent: 3}
		if r := a.result(); r.Class != c.want {
			t.Errorf("%d/%d %q: %v, want %v", c.code, c.sub, c.text, r.Class, c.want)
		}
	}
}

func TestUnknownCodes(t *testing.T) {
	for _, c := range []struct {
		code, sub int
		want      Class
		known     bool
	}{
		{987654, 0, Retry, false},
		{0, 0, Retry, false},
		{100, 2899999, InvalidBatch, true},
		{190, 999, TokenPause, true},
		{4, 7, Throttle, true},
		{300, 0, Retry, false},
	} {
		if got, known := Verdict(c.code, c.sub); got != c.want || known != c.known {
			t.Errorf("Verdict(%d, %d) = %v, %v; want %v, %v", c.code, c.sub, got, known, c.want, c.known)
		}
	}
}
