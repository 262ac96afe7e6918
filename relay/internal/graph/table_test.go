package graph

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// wordClass translates the class words of testdata/meta-errors.csv.
var wordClass = map[string]Class{
	"retry_backoff": Retry, "throttle": Throttle, "token_pause": TokenPause, "permission_pause": PermPause,
	"config_error": ConfigPause, "invalid_event": InvalidEvent, "invalid_batch": InvalidBatch,
	"duplicate_ok": Duplicate, "not_applicable": NotApplicable,
}

type errorRow struct {
	line          int
	code, subcode string
	status        string
	text          string // that makes the row; "": any
	class         Class
}

// sayingRows are the texts of the rows that stand for one: Meta's words, or
// for code 1 the class that asks for less.
var sayingRows = map[string]struct {
	text  string
	class Class
}{
	"text: please reduce the amount of data": {"Please reduce the amount of data you're asking for, then retry your request", TooMuch},
	"text: invalid appsecret_proof":          {"Invalid appsecret_proof provided in the API argument", ConfigPause},
	"text: server calls require":             {"API calls from the server require an appsecret_proof argument", ConfigPause},
	"text: Missing Permission":               {"(#100) Missing Permission", PermPause},
}

func errorRows(t *testing.T) []errorRow {
	t.Helper()
	f, err := os.Open("testdata/meta-errors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []errorRow
	for i, r := range all[1:] {
		c, ok := wordClass[r[4]]
		if !ok {
			t.Fatalf("line %d: unknown class %q", i+2, r[4])
		}
		row := errorRow{line: i + 2, code: r[0], subcode: r[1], status: r[2], class: c}
		if strings.HasPrefix(r[3], "text: ") {
			for begins, s := range sayingRows {
				if strings.HasPrefix(r[3], begins) {
					row.text, row.class = s.text, s.class
				}
			}
			if row.text == "" {
				t.Fatalf("line %d: a text that the test does not know: %s", row.line, r[3])
			}
		}
		rows = append(rows, row)
	}
	if len(rows) < 70 {
		t.Fatalf("only %d rows: is the file whole?", len(rows))
	}
	return rows
}

// codes are the numbers that a row stands for.
func (r errorRow) codes(t *testing.T) []int {
	t.Helper()
	switch {
	case r.code == "<0":
		return []int{-1, -3, -1000}
	case strings.Contains(r.code, "-"):
		from, to, _ := strings.Cut(r.code, "-")
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil {
			t.Fatalf("line %d: range %q", r.line, r.code)
		}
		var out []int
		for c := a; c <= b; c++ {
			if c != 275 { // has a row of its own, which is more exact
				out = append(out, c)
			}
		}
		return out
	}
	n, err := strconv.Atoi(r.code)
	if err != nil {
		t.Fatalf("line %d: code %q", r.line, r.code)
	}
	return []int{n}
}

// TestEveryRowOfTheFacts: the verdict, and the class of a whole answer in
// every envelope and with every status, since status and type decide nothing.
func TestEveryRowOfTheFacts(t *testing.T) {
	for _, r := range errorRows(t) {
		if r.code == "" {
			continue // by status, below
		}
		sub := 0
		if r.subcode != "" {
			var err error
			if sub, err = strconv.Atoi(r.subcode); err != nil {
				t.Fatal(err)
			}
		}
		for _, code := range r.codes(t) {
			said := cmp.Or(r.text, "m")
			got, known := Verdict(code, sub)
			if (got != r.class || !known) && r.text == "" {
				t.Errorf("line %d: Verdict(%d, %d) = %v, %v; want %v", r.line, code, sub, got, known, r.class)
			}
			for _, status := range []int{200, 400, 401, 403, 429, 500, 503} {
				for _, body := range []string{
					fmt.Sprintf(`{"error":{"message":%q,"type":"OAuthException","code":%d,"error_subcode":%d,"is_transient":false,"fbtrace_id":"T"}}`, said, code, sub),
					fmt.Sprintf(`{"error_code":%d,"error_msg":%q,"error_type":"OAuthException","error_subcode":%d}`, code, said, sub),
					fmt.Sprintf(`{"error":{"message":%q,"code":"%d","error_subcode":"%d"}}`, said, code, sub),
				} {
					a := answer{status: status, header: nil, body: []byte(body), sent: 3, version: "v26.0"}
					if res := a.result(); res.Class != r.class || res.Code != code || res.Subcode != sub {
						t.Errorf("line %d: HTTP %d %s\n gives %v %d/%d, want %v", r.line, status, body, res.Class, res.Code, res.Subcode, r.class)
					}
				}
			}
		}
	}
}

// TestRowsWithoutCode: the last rows are about answers without JSON.
func TestRowsWithoutCode(t *testing.T) {
	seen := 0
	for _, r := range errorRows(t) {
		if r.code != "" {
			continue
		}
		seen++
		switch r.status {
		case "5xx":
			for _, s := range []int{500, 503, 520, 599} {
				if got := StatusVerdict(s); got != r.class {
					t.Errorf("line %d: %d is %v, want %v", r.line, s, got, r.class)
				}
			}
			// Gateways that lost the answer behind them: sent again as well,
			// but as what may have been stored.
			for _, s := range []int{502, 504} {
				if got := StatusVerdict(s); got != Doubt {
					t.Errorf("%d is %v, want doubt", s, got)
				}
			}
		case "429":
			if got := StatusVerdict(429); got != r.class {
				t.Errorf("line %d: %v", r.line, got)
			}
		case "403": // said again at once; packages drain and batch look for the event that a firewall refuses
			if got := StatusVerdict(403); got != Retry {
				t.Errorf("line %d: %v", r.line, got)
			}
		case "": // no answer: see TestNetworkErrors
		default:
			t.Errorf("line %d: a status the table does not know: %q", r.line, r.status)
		}
	}
	if seen != 5 {
		t.Errorf("%d rows without a code, want 5", seen)
	}
}

// TestTableHasNothingElse: a row of the table that no fact stands behind.
func TestTableHasNothingElse(t *testing.T) {
	known := map[string]bool{}
	for _, r := range errorRows(t) {
		known[r.code+"/"+r.subcode] = true
	}
	// docs/meta.md 6.5 has these beyond the file.
	for _, s := range []string{"80007/", "100/2804117", "100/2804118"} {
		known[s] = true
	}
	// The file gives these codes with one subcode only, docs/meta.md 6.5 without.
	for _, s := range []string{"80000/", "80003/", "80004/"} {
		known[s] = true
	}
	for k := range verdicts {
		s := strconv.Itoa(k.code) + "/"
		if k.subcode != anySubcode {
			s += strconv.Itoa(k.subcode)
		}
		if !known[s] {
			t.Errorf("%s stands in the table, but not in the facts", s)
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
