package advice

import (
	"fmt"
	"time"
)

// About formats a duration, rounded to the unit that matters to a person.
func About(d time.Duration) string {
	plural := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 90:
		return plural(max(s, 1), "second")
	case s < 90*60:
		return plural((s+30)/60, "minute")
	case s < 36*3600:
		return plural((s+1800)/3600, "hour")
	}
	return plural((s+12*3600)/(24*3600), "day")
}

// Size formats a number of bytes with one decimal.
func Size(n int64) string {
	for _, u := range []struct {
		n    int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.n {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.n), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
