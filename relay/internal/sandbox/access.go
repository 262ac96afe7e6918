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

	"relay/internal/meta"
)

// TokenState is the validity of a token.
type TokenState string

// States of tokens (docs/meta.md 1.2 and 6.5).
const (
	TokenOK       TokenState = "ok"            // can send and read
	TokenSendOnly TokenState = "send_only"     // like those of Events Manager: reads are refused
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

// authorize checks token and signature.
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
	case limited && !known: // observed with 401 (docs/meta.md 6.4)
		return &fault{code: 190, status: http.StatusUnauthorized, text: "Invalid OAuth access token - Cannot parse access token"}
	case limited && tokenFaults[state].code != 0:
		f := tokenFaults[state]
		return &f
	case limited && state == TokenSendOnly && q.r.Method == http.MethodGet:
		return &fault{code: 10, status: http.StatusForbidden}
	}
	if s.o.AppSecret == "" {
		return nil
	}
	// docs/meta.md 6.7; the texts are Meta's, because only they differ
	f := &fault{code: 100, typ: "GraphMethodException"}
	switch {
	case q.params.text("appsecret_proof") == "":
		f.text = "API calls from the server require an appsecret_proof argument"
	case !s.signed(q, token, now):
		f.text = "Invalid appsecret_proof provided in the API argument"
	default:
		return nil
	}
	return f
}

// signed checks appsecret_proof in either form; the timestamped one is stale
// after five minutes (docs/meta.md 1.3).
func (s *Sandbox) signed(q *request, token string, now time.Time) bool {
	msg := token
	if at := q.params.text("appsecret_time"); at != "" {
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return false
		}
		theirs := now.Add(time.Duration(q.set.DateOffsetS) * time.Second)
		if theirs.Sub(time.Unix(n, 0)).Abs() > 5*time.Minute {
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

// version decides which version serves the call: the asked one while it
// lives, else the oldest alive (docs/meta.md 1.4). The versions of the
// legacy API, v16.0 and below, stay alive here unless LegacyGone.
func (q *request) version(now time.Time) *fault {
	if q.asked == "" { // invalid against Marketing endpoints (docs/meta.md 1.4)
		return &fault{code: 2635}
	}
	q.served = q.asked
	if meta.Newer(q.asked, meta.Newest().Name) {
		return &fault{code: 2500, text: "Unknown path components: /" + q.asked}
	}
	if q.legacyVersion() && !q.set.LegacyGone {
		return nil
	}
	day := now.UTC().Format(time.DateOnly)
	for _, v := range meta.Versions() {
		if v.Until != "" && v.Until < day {
			continue
		}
		if meta.Newer(v.Name, q.asked) {
			q.served = v.Name
		}
		return nil
	}
	return nil
}

func (q *request) legacyVersion() bool { return !meta.Newer(q.asked, meta.LastOffline) }

func lower(s string) string { return strings.ToLower(s) }
