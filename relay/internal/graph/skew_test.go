package graph

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

func TestSkew(t *testing.T) {
	date := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	const s, ms = time.Second, time.Millisecond
	for _, tt := range []struct {
		name            string
		off, took, last time.Duration // off: local time of arrival minus the header's time
		want            time.Duration
		class           Class
		trace           string
		code            int
		noDate, unknown bool
	}{
		{name: "correct, at the beginning of a second", off: 0},
		{name: "correct, at the end of a second", off: 999 * ms, took: 40 * ms},
		{name: "a slow answer", off: 3 * s, took: 3 * s},
		{name: "within the header's resolution", off: -400 * ms},
		{name: "local clock ahead", off: 90*s + 500*ms, want: 90 * s},
		{name: "local clock behind", off: -90*s + 500*ms, want: -90 * s},
		{name: "half of the exchange is subtracted", off: 90*s + 500*ms + s, took: 2 * s, want: 90 * s},
		{name: "a long upload counts as five seconds", off: 90*s + 500*ms + 2500*ms, took: 9 * time.Minute, want: 90 * s},
		{name: "confirmed", off: 91 * s, last: 90 * s, want: 90 * s},
		{name: "changed", off: 95 * s, last: 90 * s, want: 94500 * ms},
		{name: "clock corrected", off: 400 * ms, last: 90 * s, want: 0},
		{name: "stable at the edge of the resolution", off: 1400 * ms, last: 1600 * ms, want: 1600 * ms},
		{name: "an error of Meta", off: 90*s + 500*ms, class: TokenPause, code: 190, want: 90 * s},
		{name: "identified as Meta by its trace id", off: 90*s + 500*ms, class: Retry, trace: "AbC", want: 90 * s},
		{name: "a captive portal", off: 90 * s, class: Doubt, unknown: true},
		{name: "no date", noDate: true, unknown: true},
	} {
		r := Result{Class: tt.class, Code: tt.code, FBTraceID: tt.trace, ServerTime: date, Elapsed: tt.took}
		if tt.noDate {
			r.ServerTime = time.Time{}
		}
		if got, ok := r.Skew(date.Add(tt.off), tt.last); got != tt.want || ok == tt.unknown {
			t.Errorf("%s: skew %s, %v; want %s, %v", tt.name, got, ok, tt.want, !tt.unknown)
		}
	}
}

// A proof is dated by Meta's clock, whether the local clock is ahead or behind.
func TestProofUsesMetasClock(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour, 10 * time.Second} {
		meta := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		var dated []time.Time
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				At json.Number `json:"appsecret_time"`
			}
			_ = json.NewDecoder(r.Body).Decode(&body)
			at, err := strconv.ParseInt(body.At.String(), 10, 64)
			if err != nil {
				t.Errorf("appsecret_time: %v", err)
			}
			dated = append(dated, time.Unix(at, 0))
			w.Header().Set("Date", meta.Format(http.TimeFormat))
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"events_received":1,"fbtrace_id":"AbC"}`))
		}))
		c, err := New(Options{
			Endpoint: srv.URL, Token: func() string { return "token" }, AppSecret: func() string { return "secret" },
			Now: func() time.Time { return meta.Add(skew) },
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if r := c.Send(t.Context(), Request{EventSet: "701000000000001", Data: [][]byte{[]byte(`{}`)}}); r.Class != Delivered {
				t.Fatalf("%+v", r)
			}
		}
		srv.Close()
		want := meta
		if skew.Abs() <= proofTolerance {
			want = meta.Add(skew) // within the tolerance: the local clock
		}
		if off := dated[1].Sub(want).Abs(); off > 5*time.Second {
			t.Errorf("skew %s: the proof is dated %s, want %s", skew, dated[1], want)
		}
		_ = c.Close()
	}
}
