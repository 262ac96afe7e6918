package sidecar

import (
	"testing"
	"time"
)

// A clock that is a year off dates no sale once Meta has told the time; one
// that is a little off is left alone, for it is what its callers see.
func TestTimeOfReceipt(t *testing.T) {
	told := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		wall    time.Time
		trusted bool
		want    time.Time
	}{
		{told.AddDate(1, 0, 0), true, told},
		{time.Unix(0, 0), true, told},
		{told.AddDate(-1, 0, 0), false, told.AddDate(-1, 0, 0)},
		{told.Add(2 * time.Minute), true, told.Add(2 * time.Minute)},
	} {
		if got := timeOfReceipt(tt.wall, told, tt.trusted); !got.Equal(tt.want) {
			t.Errorf("%s, trusted %v: %s", tt.wall, tt.trusted, got)
		}
	}
}
