package access

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestStrangersAreCounted: calls of somebody who has not signed in are seen in the audit log,
// and however many they are, and for however long, they do not push out what others did.
func TestStrangersAreCounted(t *testing.T) {
	var out bytes.Buffer
	a := &auditLog{w: &out, log: slog.New(slog.DiscardHandler)}
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	call := func(n int) {
		for range n {
			a.refused(auditLine{Time: now, Call: "POST /api/v1/session", Status: 401})
		}
	}
	lines := func() int { return strings.Count(out.String(), "\n") }
	call(1)
	if lines() != 1 || !strings.Contains(out.String(), `"who":"nobody","call":"POST /api/v1/session","count":1,"status":401`) {
		t.Fatal(out.String())
	}
	call(45_000)
	if lines() != 1 {
		t.Errorf("%d lines at once", lines())
	}
	now = now.Add(time.Minute)
	call(1)
	if lines() != 2 || !strings.Contains(out.String(), `"count":45001`) {
		t.Error(out.String())
	}
	for range 24 * 60 {
		now = now.Add(time.Minute)
		call(10)
	}
	if lines() > 40 {
		t.Errorf("%d lines in a day", lines())
	}
	now = now.Add(3 * time.Hour)
	out.Reset()
	call(1)
	now = now.Add(time.Minute)
	call(1)
	if lines() != 2 {
		t.Errorf("after a pause: %s", out.String())
	}
	out.Reset()
	now = now.AddDate(-1, 0, 0)
	call(1)
	if lines() != 1 {
		t.Error("after the clock was set back nothing is written")
	}
}
