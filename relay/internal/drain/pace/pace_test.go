package pace

import (
	"testing"
	"time"

	"relay/relay/internal/graph"
)

func TestBackoff(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		failures int
		r        float64
		want     time.Duration
	}{
		{1, 1, s}, {1, 0.5, s / 2}, {1, 0, 0}, {2, 1, 2 * s}, {5, 1, 16 * s}, {6, 1, 30 * s}, {6, 0.5, 15 * s}, {1000, 1, 30 * s}, {0, 1, s},
	} {
		if got := Backoff(tt.failures, s, 30*s, tt.r); got != tt.want {
			t.Errorf("after %d failures at %v: %s, want %s", tt.failures, tt.r, got, tt.want)
		}
	}
	if got := Backoff(1<<30, time.Hour, 24*time.Hour, 1); got != 24*time.Hour {
		t.Errorf("without end: %s", got)
	}
}

func TestThrottleWait(t *testing.T) {
	const m = time.Minute
	for name, tt := range map[string]struct {
		r     graph.Result
		times int
		want  time.Duration
	}{
		"told":             {graph.Result{RetryAfter: 7 * m}, 1, 7 * m},
		"told too much":    {graph.Result{RetryAfter: 100 * time.Hour}, 1, 120 * m},
		"told the past":    {graph.Result{RetryAfter: -m}, 1, m / 2},
		"untold":           {graph.Result{}, 1, m / 2},
		"again":            {graph.Result{}, 3, 2 * m},
		"without end":      {graph.Result{}, 1000, 10 * m},
		"blocked":          {graph.Result{Code: 368}, 1, 10 * m},
		"blocked for long": {graph.Result{Code: 368, RetryAfter: 30 * m}, 1, 30 * m},
	} {
		if got := ThrottleWait(tt.r, tt.times, 10*m, 0); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if got := ThrottleWait(tt.r, tt.times, 10*m, 0.999); got <= tt.want || got > tt.want+tt.want/10 {
			t.Errorf("%s: at most %s, want a little more than %s", name, got, tt.want)
		}
	}
}

// carry has a line that carries at most most bytes a request take requests for as long
// as there are steps, and gives the sizes that passed and how many bytes went twice.
func carry(f *Fit, size, bound, most int64, steps int) (passed []int64, twice, all int64) {
	for range steps {
		try := bound
		if size > 0 {
			try = min(size, bound)
		}
		if all += min(try, most); try > most {
			twice += most
			size = f.Failed(graph.Result{Upload: graph.UploadPart, Failure: graph.FailureSlow}, try)
			continue
		}
		passed = append(passed, try)
		size = f.Passed(size, bound)
	}
	return passed, twice, all
}

func TestFitFindsTheSize(t *testing.T) {
	const bound = 4 << 20
	for _, most := range []int64{bound, 1 << 20, 640 << 10, 100_000, 9000} {
		var f Fit
		passed, twice, all := carry(&f, 0, bound, most, 600)
		if len(passed) < 550 || passed[len(passed)-1] < most/4 {
			t.Errorf("a connection for %d bytes: %d of 600 requests were sent, the last of %d bytes", most, len(passed), passed[len(passed)-1])
		}
		if twice*20 > all {
			t.Errorf("a connection for %d bytes: %d of %d bytes were sent twice", most, twice, all)
		}
		// A fast connection again.
		if passed, _, _ := carry(&f, passed[len(passed)-1], bound, bound, 700); passed[len(passed)-1] != bound {
			t.Errorf("a connection for %d bytes that became fast: requests still have %d bytes", most, passed[len(passed)-1])
		}
	}
}

func TestFitIgnoresOneCut(t *testing.T) {
	var f Fit
	cut := graph.Result{Class: graph.Retry, Upload: graph.UploadPart}
	if got := f.Failed(cut, 1<<20); got != 0 {
		t.Errorf("cut once: %d", got)
	}
	if got := f.Failed(cut, 1<<20); got != 1<<19 {
		t.Errorf("cut twice: %d", got)
	}
	for _, r := range []graph.Result{
		{Class: graph.Retry}, {Class: graph.Doubt, Upload: graph.UploadWhole}, {Class: graph.Retry, HTTPStatus: 403, Upload: graph.UploadPart}, cut,
	} {
		if got := f.Failed(r, 1<<20); got != 0 {
			t.Errorf("%+v: %d", r, got)
		}
	}
	if got := f.Failed(graph.Result{Class: graph.TooMuch, HTTPStatus: 500, Upload: graph.UploadWhole}, 10_000); got != leastSize {
		t.Errorf("too much: %d", got)
	}
}

func TestPacer(t *testing.T) {
	var p Pacer
	if w := p.Wait(10, 0.5); w != 0 {
		t.Errorf("at once: %s", w)
	}
	p.Recovered(10)
	last := time.Hour
	for i := range 20 {
		w := p.Wait(10, 0.5)
		if w > last {
			t.Errorf("success %d: %s after %s", i, w, last)
		}
		last = w
		p.Succeeded(10)
	}
	if last != 0 {
		t.Errorf("20 successes after an outage: %s", last)
	}
	for _, usage := range []float64{10, 50, 79.9} {
		p.SetUsage(usage)
		if w := p.Wait(10, 0.5); w != 0 {
			t.Errorf("at %v %%: %s", usage, w)
		}
	}
	last = 0
	for _, usage := range []float64{80, 85, 90, 94, 97, 100, 120, 1e6} {
		p.SetUsage(usage)
		w := p.Wait(10, 0.5)
		if w < last || w == 0 || w > 15*time.Minute {
			t.Errorf("at %v %%: %s, and %s before", usage, w, last)
		}
		last = w
	}
	p.SetUsage(20)
	if w := p.Wait(10, 0.5); w != 0 {
		t.Errorf("it has recovered: %s", w)
	}
	// The largest usage, in every answer: the gap is bounded, and ends with the first answer that has less.
	for range 100 {
		p.SetUsage(1e6)
		if w := p.Wait(10, 1); w <= 0 || w > 15*time.Minute {
			t.Fatalf("at a million %%: %s", w)
		}
	}
	p.SetUsage(0)
	if w := p.Wait(10, 0.5); w != 0 {
		t.Errorf("it has recovered from that: %s", w)
	}
}
