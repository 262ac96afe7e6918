package api_test

import (
	"testing"
	"time"

	"relay/relay/internal/api"
)

// An age counts back from now; a time without a zone is in the caller's.
func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	zone := time.FixedZone("", 3600)
	for s, want := range map[string]time.Time{
		"":                          {},
		"2h":                        now.Add(-2 * time.Hour),
		"90m":                       now.Add(-90 * time.Minute),
		"7d":                        now.AddDate(0, 0, -7),
		"0.5d":                      now.Add(-12 * time.Hour),
		"0s":                        now,
		"2026-11-24T09:00:00Z":      now.Add(-3 * time.Hour),
		"2026-11-24T09:00:00.5Z":    now.Add(-3*time.Hour + 500*time.Millisecond),
		"2026-11-24T09:00:00+02:00": now.Add(-5 * time.Hour),
		"2026-11-24T09:00:00":       now.Add(-4 * time.Hour),
		"2026-11-24 09:00:00":       now.Add(-4 * time.Hour),
		"2026-11-24 09:00":          now.Add(-4 * time.Hour),
		"2026-11-24":                now.Add(-13 * time.Hour),
	} {
		if got, err := api.ParseSince(s, now, zone); err != nil || !got.Equal(want) {
			t.Errorf("%q: %s, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"yesterday", "-2h", "-1d", "7 xd", "7xd", "1e9d", "d", "24.11.2026", "2026-13-01", " 2h"} {
		if got, err := api.ParseSince(s, now, zone); err == nil {
			t.Errorf("%q: %s", s, got)
		}
	}
}
