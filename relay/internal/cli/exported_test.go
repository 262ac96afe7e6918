package cli

import (
	"strings"
	"testing"
	"time"
)

// An export says how many events it wrote, and until when the newest is useful; an empty
// one says nothing.
func TestExported(t *testing.T) {
	var b strings.Builder
	var e Exported
	if err := e.Say(&b); err != nil || b.Len() > 0 {
		t.Errorf("empty: %q, %v", b.String(), err)
	}
	newest := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e.Add(newest)
	e.Add(newest.Add(-48 * time.Hour)) // older, after it
	if err := e.Say(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.HasPrefix(got, "2 events written, ") || !strings.Contains(got, "until 2026-05-02T12:00:00Z:") { // 62 days after the newest
		t.Errorf("%q", got)
	}
}
