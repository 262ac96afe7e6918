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
	mostCodes   = 16 // not redeemed yet; the oldest makes room
	mostSession = 64 // the oldest makes room
)

// sessions are the browsers that are signed in. A code is made for somebody who
// may use the control socket and is good once; the session it buys lives in this
// process alone. Both are kept as hashes.
type sessions struct {
	mu    sync.Mutex
	now   func() time.Time // with its monotonic part: a clock that is set ends nothing
	codes map[[sha256.Size]byte]time.Time
	live  map[[sha256.Size]byte]time.Time // until when
}

func newSessions() *sessions {
	return &sessions{now: time.Now, codes: map[[sha256.Size]byte]time.Time{}, live: map[[sha256.Size]byte]time.Time{}}
}

// code makes one that can be redeemed for a minute.
func (s *sessions) code() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(s.codes, codeLife, mostCodes)
}

// redeem gives a session for a code, once.
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

// check says whether token is a session's, and by which name it is known.
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

// add puts a new secret into m; the caller holds s.mu.
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
