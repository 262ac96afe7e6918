package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

const (
	codeLife    = 60 * time.Second
	sessionLife = 12 * time.Hour
	mostCodes   = 16 // unredeemed codes; a new one replaces the oldest
	mostSession = 64 // sessions; a new one replaces the oldest
)

// sessions are the signed-in browsers. A caller of the control socket gets a code, which can
// be redeemed once for a session. Codes and sessions are in memory only, as hashes.
type sessions struct {
	mu    sync.Mutex
	now   func() time.Time // monotonic: changing the clock does not end sessions
	codes map[[sha256.Size]byte]time.Time
	live  map[[sha256.Size]byte]time.Time // expiry
}

func newSessions() *sessions {
	return &sessions{now: time.Now, codes: map[[sha256.Size]byte]time.Time{}, live: map[[sha256.Size]byte]time.Time{}}
}

// code returns a new code, which can be redeemed for a minute.
func (s *sessions) code() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(s.codes, codeLife, mostCodes)
}

// redeem exchanges a code for a session, once.
func (s *sessions) redeem(code string) (token string, until time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(code))
	end, ok := s.codes[key]
	delete(s.codes, key)
	if !ok || !s.now().Before(end) {
		return "", time.Time{}, false
	}
	token = s.add(s.live, sessionLife, mostSession)
	return token, s.live[sha256.Sum256([]byte(token))], true
}

// check reports whether token is a session's, and returns its name for the audit log.
func (s *sessions) check(token string) (name string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(token))
	end, ok := s.live[key]
	if !ok || !s.now().Before(end) {
		delete(s.live, key)
		return "", false
	}
	return hex.EncodeToString(key[:4]), true
}

// end ends a session.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, sha256.Sum256([]byte(token)))
}

// add adds a new secret to m and returns it. The caller holds s.mu.
func (s *sessions) add(m map[[sha256.Size]byte]time.Time, life time.Duration, most int) string {
	for len(m) >= most {
		var first [sha256.Size]byte
		var when time.Time
		for k, t := range m {
			if when.IsZero() || t.Before(when) {
				first, when = k, t
			}
		}
		delete(m, first)
	}
	secret := rand.Text() // at least 128 bits
	m[sha256.Sum256([]byte(secret))] = s.now().Add(life)
	return secret
}
