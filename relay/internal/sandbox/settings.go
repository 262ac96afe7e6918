package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Modes of answering. The rules still apply to everything else: an event that
// breaks one is refused in mode "miscount" too.
const (
	OK         = "ok"          // by the rules
	Down       = "down"        // every connection is cut at once, new ones before a byte is read
	Hang       = "hang"        // the request is read, never answered, nothing accepted
	HangAfter  = "hang_after"  // accepted, never answered
	Cut        = "cut"         // the connection is cut before the body is read
	CutAfter   = "cut_after"   // accepted, then the connection is cut
	CutAnswer  = "cut_answer"  // accepted, then cut in the middle of the answer
	Fail       = "fail"        // an error with status, code and subcode; default 500, code 2, is_transient
	HTML       = "html"        // a page of a gateway; status, default 502
	HTMLOK     = "html_ok"     // status 200 with a page, as a captive portal sends
	Empty      = "empty"       // status 200 without a body, nothing accepted
	Garbage    = "garbage"     // status 200 with broken JSON, nothing accepted
	Redirect   = "redirect"    // 302 to another host
	Throttled  = "throttle"    // code, default 80004, with usage headers and regain_minutes
	TooMany    = "too_many"    // 429 without a Graph body, with retry_after
	TokenDead  = "token"       // 190, subcode default 463
	Permission = "permission"  // 200
	Missing    = "missing"     // 100/33
	RefuseAll  = "refuse_all"  // every event is bad: 100 with subcode, default 2804050
	Miscount   = "miscount"    // accepted, but events_received is one less
	Quiet      = "quiet"       // accepted; the answer has no count
	OldStyle   = "old_style"   // errors of the rules come in the old envelope
	Suppressed = "suppressed"  // errors of the rules come with status 200
	Duplicate  = "duplicate"   // 100/2044011 whatever is sent
	Malformed  = "malformed"   // an error object whose members have wrong types
	Gzipped    = "gzip"        // by the rules, answered with Content-Encoding: gzip
	Proxy407   = "proxy_auth"  // 407 as a proxy sends it
	TooLarge   = "too_large"   // 413 as a proxy sends it
	SlowAnswer = "slow_answer" // accepted, the answer comes a byte at a time, over a second
)

var modes = []string{
	OK, Down, Hang, HangAfter, Cut, CutAfter, CutAnswer, Fail, HTML, HTMLOK, Empty, Garbage, Redirect,
	Throttled, TooMany, TokenDead, Permission, Missing, RefuseAll, Miscount, Quiet, OldStyle, Suppressed, Duplicate,
	Malformed, Gzipped, Proxy407, TooLarge, SlowAnswer,
}

// Behaviour has the settings that can differ between event sets.
type Behaviour struct {
	Mode          string `json:"mode,omitempty"`
	Requests      int    `json:"requests,omitempty"` // back to ok after so many requests; 0: stays
	Status        int    `json:"status,omitempty"`
	Code          int    `json:"code,omitempty"`
	Subcode       int    `json:"subcode,omitempty"`
	RegainMinutes int    `json:"regain_minutes,omitempty"` // throttle; default 1
	RetryAfter    string `json:"retry_after,omitempty"`    // sent as it is
	LatencyMS     int    `json:"latency_ms,omitempty"`     // before each answer
}

// Settings can be changed while the sandbox runs. The zero value
// is a healthy Graph API.
type Settings struct {
	Behaviour
	Sets map[string]*Behaviour `json:"sets,omitempty"` // by event set; overrides the above for that one

	// KnownSets: any other id is answered 100/33. Empty: every number is one.
	KnownSets []string `json:"known_sets,omitempty"`

	// StoreDays is the maximum age of a physical_store event: 62 (default) or 7,
	// the two readings of one paragraph (docs/meta.md 5.2).
	StoreDays int `json:"store_days,omitempty"`
	// FutureSeconds is how far ahead event_time can be; no figure is known
	// (docs/meta.md 10.2). Default 60.
	FutureSeconds int `json:"future_seconds,omitempty"`
	// OrderIDAt is the place of order_id and item_number by which copies are
	// recognised: event, custom_data, or "" either, because sources contradict each
	// other (docs/meta.md 2.7). Stats count by both.
	OrderIDAt string `json:"order_id_at,omitempty"`
	// LegacyGone answers the legacy format as Meta does since 2025-05-14.
	LegacyGone bool `json:"legacy_gone,omitempty"`

	// NameBad is where a refusal of conversions names the bad event: "" nowhere (as
	// documented), "path" in the text, "specs" in error_data.
	NameBad string `json:"name_bad,omitempty"`
	// ErrorData is the form of error_data: "object" (default) or "string".
	ErrorData string `json:"error_data,omitempty"`
	// Language of error_user_title and error_user_msg: "" English, "fr".
	Language string `json:"language,omitempty"`

	MaxCalls     int     `json:"max_calls,omitempty"` // a window; more are throttled; 0: no limit
	WindowMS     int     `json:"window_ms,omitempty"` // default one hour
	UsagePercent float64 `json:"usage_percent,omitempty"`
	// UsageHeader: business (default), account, app or all; sent when there is
	// a limit or a percentage.
	UsageHeader string `json:"usage_header,omitempty"`

	LostRate float64 `json:"lost_rate,omitempty"` // share accepted, then cut
	FailRate float64 `json:"fail_rate,omitempty"` // share answered 500, code 2

	DateOffsetS    int  `json:"date_offset_s,omitempty"`   // added to the Date header: Meta's clock differs from ours
	VersionWarning bool `json:"version_warning,omitempty"` // X-Ad-Api-Version-Warning on every answer
}

// The places of Settings.OrderIDAt.
const (
	atEvent  = "event"
	atCustom = "custom_data"
)

// check returns an error for invalid settings.
func (s *Settings) check() error {
	var errs []error
	choice := func(name, v string, of ...string) {
		if v != "" && !slices.Contains(of, v) {
			errs = append(errs, fmt.Errorf("%s %q: one of %s", name, v, strings.Join(of, ", ")))
		}
	}
	choice("mode", s.Mode, modes...)
	for _, id := range slices.Sorted(maps.Keys(s.Sets)) {
		if b := s.Sets[id]; b != nil {
			choice("sets."+id+".mode", b.Mode, modes...)
			if b.Mode == Down {
				errs = append(errs, fmt.Errorf("sets.%s.mode: a connection has no event set; use %q", id, Cut))
			}
		}
	}
	choice("name_bad", s.NameBad, "path", "specs")
	choice("error_data", s.ErrorData, "object", "string")
	choice("order_id_at", s.OrderIDAt, atEvent, atCustom)
	choice("language", s.Language, "en", "fr")
	choice("usage_header", s.UsageHeader, "business", "account", "app", "all")
	if s.StoreDays != 0 && s.StoreDays != 7 && s.StoreDays != 62 {
		errs = append(errs, errors.New("store_days: 7 or 62"))
	}
	for name, r := range map[string]float64{"lost_rate": s.LostRate, "fail_rate": s.FailRate} {
		if r < 0 || r > 1 {
			errs = append(errs, fmt.Errorf("%s: from 0 to 1", name))
		}
	}
	if s.MaxCalls < 0 || s.WindowMS < 0 || s.LatencyMS < 0 || s.Requests < 0 || s.RegainMinutes < 0 || s.FutureSeconds < 0 {
		errs = append(errs, errors.New("numbers must not be negative"))
	}
	return errors.Join(errs...)
}

// merge sets members from JSON: absent members keep their
// value, a set given as null is removed. Unknown members are errors.
func (s *Settings) merge(b []byte) error {
	given := struct{ Sets map[string]json.RawMessage }{}
	if err := json.Unmarshal(b, &given); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("read settings: more than one JSON value")
	}
	maps.DeleteFunc(s.Sets, func(_ string, b *Behaviour) bool { return b == nil })
	return s.check()
}

// clone returns a deep copy of s.
func (s *Settings) clone() Settings {
	c := *s
	c.KnownSets = slices.Clone(s.KnownSets)
	c.Sets = make(map[string]*Behaviour, len(s.Sets))
	for id, b := range s.Sets {
		if b != nil {
			own := *b
			c.Sets[id] = &own
		}
	}
	return c
}

// forSet returns the behaviour for requests of one event set.
func (s *Settings) forSet(id string) *Behaviour {
	if b := s.Sets[id]; b != nil && b.Mode != "" {
		return b
	}
	return &s.Behaviour
}
