package access

import (
	"testing"
	"time"
)

// A code is good once, for a minute, and a session for 12 hours; there are only so
// many of either, and the oldest gives way.
func TestSessions(t *testing.T) {
	now := time.Now()
	s := newSessions()
	s.now = func() time.Time { return now }
	late := s.code()
	now = now.Add(codeLife)
	if _, _, ok := s.redeem(late); ok {
		t.Error("a code of a minute ago is good")
	}
	code := s.code()
	token, until, ok := s.redeem(code)
	if !ok || token == code || !until.Equal(now.Add(sessionLife)) {
		t.Fatalf("a fresh code: %v, until %v", ok, until)
	}
	if _, _, ok := s.redeem(code); ok {
		t.Error("a code is good twice")
	}
	if name, ok := s.check(token); !ok || len(name) != 8 {
		t.Errorf("the session: %q %v", name, ok)
	}
	now = now.Add(sessionLife)
	if _, ok := s.check(token); ok {
		t.Error("a session of 12 hours ago is good")
	}
	var codes []string
	for range mostCodes + 1 {
		codes = append(codes, s.code())
		now = now.Add(time.Millisecond)
	}
	if _, _, ok := s.redeem(codes[0]); ok {
		t.Error("the oldest code of too many is good")
	}
	if _, _, ok := s.redeem(codes[mostCodes]); !ok {
		t.Error("the newest code is not good")
	}
	first := s.add(s.live, sessionLife, mostSession)
	for range mostSession {
		now = now.Add(time.Millisecond)
		s.add(s.live, sessionLife, mostSession)
	}
	if _, ok := s.check(first); ok {
		t.Error("the oldest session of too many is good")
	}
}
