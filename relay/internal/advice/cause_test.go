package advice

import (
	"testing"

	"relay/internal/meta"
)

// A row names a cause that there are words for, and there are none that no row names.
func TestCausesOfRows(t *testing.T) {
	named := make(map[string]bool)
	for _, row := range meta.Codes() {
		if row.Cause == "" {
			continue
		}
		named[row.Cause] = true
		if _, ok := causes[row.Cause]; !ok {
			t.Errorf("%d/%d: nothing is said of %q", row.Code, row.Subcode, row.Cause)
		}
		if a, ok := byRow(row.Code, row.Subcode); !ok || a != causes[row.Cause] {
			t.Errorf("%d/%d: %+v", row.Code, row.Subcode, a)
		}
	}
	for name := range causes {
		if !named[name] {
			t.Errorf("no row has the cause %q", name)
		}
	}
	if a, ok := byRow(368, 1); !ok || a != causes["blocked"] {
		t.Errorf("a subcode without a row: %+v", a)
	}
}
