package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TokenState is what a token is worth.
type TokenState string

// States of tokens (facts: meta-wire 1.2 and 6.5).
const (
	TokenOK       TokenState = "ok"            // may send and read
	TokenSendOnly TokenState = "send_only"     // as Events Manager makes them: reads are refused
	TokenExpired  TokenState = "expired"       // 190/463
	TokenPassword TokenState = "password"      // 190/460
	TokenNoApp    TokenState = "app_removed"   // 190/458
	TokenCheck    TokenState = "checkpoint"    // 190/459
	TokenInvalid  TokenState = "invalid"       // 190/467
	TokenSession  TokenState = "session"       // 102
	TokenNoRights TokenState = "no_permission" // 200, status 403
	TokenNoApprov TokenState = "no_capability" // 3
)

var tokenFaults = map[TokenState]fault{
	TokenOK:       {},
	TokenSendOnly: {},
	TokenExpired:  {code: 190, subcode: 463},
	TokenPassword: {code: 190, subcode: 460},
	TokenNoApp:    {code: 190, subcode: 458},
	TokenCheck:    {code: 190, subcode: 459},
	TokenInvalid:  {code: 190, subcode: 467},
	TokenSession:  {code: 102},
	TokenNoRights: {code: 200, status: http.StatusForbidden},
	TokenNoApprov: {code: 3},
}

// SetTokens replaces the known tokens; none: every token is good. They are
// kept as hashes and never shown.
func (s *Sandbox) SetTokens(tokens map[string]TokenState) error {
	m := map[[sha256.Size]byte]TokenState{}
	for t, state := range tokens {
		if _, ok := tokenFaults[state]; !ok {
			return fmt.Errorf("token state %q: one of %v", state, slices.Sorted(maps.Keys(tokenFaults)))
		}
		m[sha256.Sum256([]byte(t))] = state
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = m
	return nil
}

// authorize judges token and signature.
func (s *Sandbox) authorize(q *request, now time.Time) *fault {
	token := q.token()
	if token == "" {
		return &fault{code: 190, status: http.StatusUnauthorized, text: "An access token is required to request this resource."}
	}
	s.mu.Lock()
	state, known := s.tokens[sha256.Sum256([]byte(token))]
	limited := len(s.tokens) > 0
	s.mu.Unlock()
	switch {
	case limited && !known: // observed with 401 (facts: meta-wire 6.4)
		return &fault{code: 190, status: http.StatusUnauthorized, text: "Invalid OAuth access token - Cannot parse access token"}
	case limited && tokenFaults[state].code != 0:
		f := tokenFaults[state]
		return &f
	case limited && state == TokenSendOnly && q.r.Method == http.MethodGet:
		return &fault{code: 10, status: http.StatusForbidden}
	}
	if s.o.AppSecret != "" && !s.signed(q, token, now) {
		return &fault{code: 104}
	}
	return nil
}

// signed checks appsecret_proof in either form; the timestamped one is stale
// after five minutes (facts: meta-wire 1.3).
func (s *Sandbox) signed(q *request, token string, now time.Time) bool {
	msg := token
	if at := q.params.text("appsecret_time"); at != "" {
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return false
		}
		meta := now.Add(time.Duration(q.set.DateOffsetS) * time.Second)
		if meta.Sub(time.Unix(n, 0)).Abs() > 5*time.Minute {
			return false
		}
		msg += "|" + at
	}
	m := hmac.New(sha256.New, []byte(s.o.AppSecret))
	_, _ = m.Write([]byte(msg))
	got, err := hex.DecodeString(q.params.text("appsecret_proof"))
	return err == nil && hmac.Equal(m.Sum(nil), got)
}

// known is nil when the event set exists.
func (q *request) known() *fault {
	ok := idForm.MatchString(q.id)
	if ok && len(q.set.KnownSets) > 0 && !slices.Contains(q.set.KnownSets, q.id) && !q.s.isUpload(q.id) {
		ok = false
	}
	if ok {
		return nil
	}
	f := unsupported(q.r.Method, q.id)
	return &f
}

// lives are the Graph API versions (facts: meta-wire 1.4), oldest first, with
// the day after which each is served by the oldest that is left.
var lives = []struct{ version, until string }{
	{"v13.0", "2024-05-28"},
	{"v16.0", "2025-05-14"},
	{"v17.0", "2025-09-12"},
	{"v18.0", "2026-01-26"},
	{"v19.0", "2026-05-21"},
	{"v20.0", "2026-09-24"},
	{"v21.0", "2027-01-21"},
	{"v22.0", "2027-05-20"},
	{"v23.0", "2027-10-08"},
	{"v24.0", "2028-02-18"},
	{"v25.0", "2028-07-29"},
	{"v26.0", ""},
}

// version decides which version serves the call: the asked one while it
// lives, else the oldest alive (facts: meta-wire 1.4). The versions of the
// legacy API, v16.0 and below, stay alive here unless LegacyGone.
func (q *request) version(now time.Time) *fault {
	if q.asked == "" { // invalid against Marketing endpoints (facts: meta-wire 1.4)
		return &fault{code: 2635}
	}
	q.served = q.asked
	if newer(q.asked, lives[len(lives)-1].version) {
		return &fault{code: 2500, text: "Unknown path components: /" + q.asked}
	}
	if q.legacyVersion() && !q.set.LegacyGone {
		return nil
	}
	day := now.UTC().Format(time.DateOnly)
	for _, v := range lives {
		if v.until != "" && v.until < day {
			continue
		}
		if newer(v.version, q.asked) {
			q.served = v.version
		}
		return nil
	}
	return nil
}

func (q *request) legacyVersion() bool { return !newer(q.asked, "v16.0") }

// newer compares versions of the form v26.0.
func newer(a, b string) bool {
	x, y := number(a), number(b)
	return x[0] > y[0] || x[0] == y[0] && x[1] > y[1]
}

func number(v string) (n [2]int) {
	major, minor, _ := strings.Cut(strings.TrimPrefix(v, "v"), ".")
	n[0], _ = strconv.Atoi(major) // digits by the form of the path
	n[1], _ = strconv.Atoi(minor)
	return n
}

func lower(s string) string { return strings.ToLower(s) }
