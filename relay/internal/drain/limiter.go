package drain

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// account is an access token as the lanes that use it share it: one limiter,
// and the pause that a dead token means for all of them.
type account struct {
	lim *rate.Limiter

	mu     sync.Mutex
	paused bool
	probe  time.Time // when one lane may try again
}

// newAccount starts with one request in hand, not with a full burst: a relay
// that is restarted over and over sends no bursts.
func newAccount(s Settings) *account {
	a := &account{lim: rate.NewLimiter(rate.Limit(s.RequestsPerSecond), s.Burst)}
	if s.Burst > 1 {
		a.lim.AllowN(time.Now(), s.Burst-1)
	}
	return a
}

// set puts new limits in force; waiters must be woken to see them.
func (a *account) set(s Settings) {
	now := time.Now()
	a.lim.SetLimitAt(now, rate.Limit(s.RequestsPerSecond))
	a.lim.SetBurstAt(now, s.Burst)
}

// reserve takes one request. After the wait it may be sent; a waiter that
// gives up must cancel.
func (a *account) reserve() (r *rate.Reservation, wait time.Duration) {
	now := time.Now()
	r = a.lim.ReserveN(now, 1)
	return r, r.DelayFrom(now)
}

// pause stops all lanes of the token; it reports whether that is news.
func (a *account) pause(probe time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := !a.paused
	a.paused, a.probe = true, time.Now().Add(probe)
	return news
}

// works ends the pause: an answer showed that the token is accepted. It
// reports whether there was one.
func (a *account) works() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.paused
	a.paused = false
	return was
}

// try lets the next lane that asks make an attempt.
func (a *account) try() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.probe = time.Time{}
}

// gate says how long a lane must wait before it may ask to send.
func (a *account) gate() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.paused {
		return 0
	}
	return max(time.Until(a.probe), 0)
}

// claim asks to send: always granted while the token works, and to one lane
// in a probe interval while it does not.
func (a *account) claim(probe time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.paused {
		return true
	}
	now := time.Now()
	if now.Before(a.probe) {
		return false
	}
	a.probe = now.Add(probe)
	return true
}
