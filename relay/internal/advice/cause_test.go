package advice

import (
	"testing"

	"relay/internal/meta"
)

// Every cause in the table of codes has advice, and every advice has a row.
func TestCausesOfRows(t *testing.T) {
	named := make(map[string]bool)
	for _, row := range meta.Codes() {
		if row.Cause == "" {
			continue
		}
		named[row.Cause] = true
		if _, ok := causes[row.Cause]; !ok {
			t.Errorf("%d/%d: no advice for cause %q", row.Code, row.Subcode, row.Cause)
		}
		if a, ok := causeOf(row.Code, row.Subcode); !ok || a != causes[row.Cause] {
			t.Errorf("%d/%d: wrong advice: %+v", row.Code, row.Subcode, a)
		}
	}
	for name := range causes {
		if !named[name] {
			t.Errorf("no code has the cause %q", name)
		}
	}
	if a, ok := causeOf(368, 1); !ok || a != causes["blocked"] {
		t.Errorf("a subcode without a row: %+v", a)
	}
}
