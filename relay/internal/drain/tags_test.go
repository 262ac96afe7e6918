package drain

import (
	"strconv"
	"testing"
	"time"
)

func TestTagsOfADay(t *testing.T) {
	t.Parallel()
	var c tagCount
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	warned := func(from, to int, at time.Time) (n int) {
		for i := from; i < to; i++ {
			if c.add(strconv.Itoa(i), at) {
				n++
			}
		}
		return n
	}
	if n := warned(0, 20, noon); n != 0 {
		t.Errorf("20 tags: %d warnings", n)
	}
	if n := warned(0, 20, noon.Add(time.Hour)); n != 0 {
		t.Errorf("the same again: %d warnings", n)
	}
	if n := warned(0, 5000, noon); n != 1 || len(c.seen) > maxTagsPerDay+1 {
		t.Errorf("5,000 tags: %d warnings, %d kept", n, len(c.seen))
	}
	if n := warned(0, 20, noon.Add(12*time.Hour)); n != 0 {
		t.Errorf("the next day: %d warnings", n)
	}
}
