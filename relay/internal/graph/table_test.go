package graph

import (
	"fmt"
	"slices"
	"testing"

	"relay/internal/meta"
)

// codesOf returns codes that a row applies to.
func codesOf(r meta.Code) []int {
	switch {
	case r.To == 0:
		return []int{r.Code}
	case r.To < 0:
		return []int{-1, -3, -1000}
	}
	var out []int
	for c := r.Code; c <= r.To; c++ {
		if _, own := verdicts[key{c, 0}]; !own { // a row of its own takes precedence
			out = append(out, c)
		}
	}
	return out
}

// TestEveryRow checks the verdict of each row, and the class of a whole answer in
// every format and with every status, since status and type must not matter.
func TestEveryRow(t *testing.T) {
	rows := meta.Codes()
	if len(rows) < 80 {
		t.Fatalf("the table has only %d rows", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if !slices.Contains(classNames[:], r.Class) {
			t.Errorf("%d/%d: unknown class %q", r.Code, r.Subcode, r.Class)
			continue
		}
		if id := fmt.Sprint(r.Code, r.To, r.Subcode, r.Text); seen[id] {
			t.Errorf("%d/%d is in the table twice", r.Code, r.Subcode)
		} else {
			seen[id] = true
		}
		want, message := classNamed(r.Class), "m"
		if r.Text != "" {
			message = "(#" + fmt.Sprint(r.Code) + ") " + r.Text + " provided"
		}
		for _, code := range codesOf(r) {
			if got, known := Verdict(code, r.Subcode); (got != want || !known) && r.Text == "" {
				t.Errorf("Verdict(%d, %d) = %v, %v; want %v", code, r.Subcode, got, known, want)
			}
			for _, status := range []int{200, 400, 401, 403, 429, 500, 503} {
				for _, body := range []string{
					fmt.Sprintf(`{"error":{"message":%q,"type":"OAuthException","code":%d,"error_subcode":%d,"is_transient":false,"fbtrace_id":"T"}}`, message, code, r.Subcode),
					fmt.Sprintf(`{"error_code":%d,"error_msg":%q,"error_type":"OAuthException","error_subcode":%d}`, code, message, r.Subcode),
					fmt.Sprintf(`{"error":{"message":%q,"code":"%d","error_subcode":"%d"}}`, message, code, r.Subcode),
				} {
					a := answer{status: status, header: nil, body: []byte(body), sent: 3, version: "v26.0"}
					if res := a.result(); res.Class != want || res.Code != code || res.Subcode != r.Subcode {
						t.Errorf("HTTP %d %s\n is %v %d/%d, want %v", status, body, res.Class, res.Code, res.Subcode, want)
					}
				}
			}
		}
	}
}

// The most important codes, listed a second time: nothing else would notice a wrong
// class in the table.
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

// Answers without JSON are classified by status (docs/meta.md 6.9).
func TestStatuses(t *testing.T) {
	for want, list := range map[Class][]int{
		Retry:        {302, 403, 500, 503, 520, 599}, // on 403, package drain searches for the event that a firewall refuses
		Doubt:        {200, 204, 502, 504},           // a gateway can lose the answer of the server behind it
		Throttle:     {429},
		ConfigPause:  {407},
		InvalidBatch: {413},
	} {
		for _, status := range list {
			if got := StatusVerdict(status); got != want {
				t.Errorf("status %d is %v, want %v", status, got, want)
			}
		}
	}
}

// Only the beginning of an error text is compared, because the rest can quote an
// event; and only if there is no subcode.
func TestTextRows(t *testing.T) {
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
