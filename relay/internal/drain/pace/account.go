package pace

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Account is an access token as the lanes that use it share it: one limiter,
// and the pause that a dead token means for all of them.
type Account struct {
	lim *rate.Limiter

	mu     sync.Mutex
	paused bool
	probe  time.Time // when one lane may try again
}

// NewAccount starts with one request in hand, not with a full burst: a relay
// that is restarted over and over sends no bursts.
func NewAccount(perSecond float64, burst int) *Account {
	a := &Account{lim: rate.NewLimiter(rate.Limit(perSecond), burst)}
	if burst > 1 {
		a.lim.AllowN(time.Now(), burst-1)
	}
	return a
}

// Set puts new limits in force; waiters must be woken to see them.
func (a *Account) Set(perSecond float64, burst int) {
	now := time.Now()
	a.lim.SetLimitAt(now, rate.Limit(perSecond))
	a.lim.SetBurstAt(now, burst)
}

// Reserve takes one request. After the wait it may be sent; a waiter that
// gives up must cancel.
func (a *Account) Reserve() (r *rate.Reservation, wait time.Duration) {
	now := time.Now()
	r = a.lim.ReserveN(now, 1)
	return r, r.DelayFrom(now)
}

// Pause stops all lanes of the token; it reports whether that is news.
func (a *Account) Pause(probe time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := !a.paused
	a.paused, a.probe = true, time.Now().Add(probe)
	return news
}

// Works ends the pause: an answer showed that the token is accepted. It
// reports whether there was one.
func (a *Account) Works() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.paused
	a.paused = false
	return was
}

// Try lets the next lane that asks make an attempt.
func (a *Account) Try() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.probe = time.Time{}
}

// Wait says how long a lane must wait before it may ask to send.
func (a *Account) Wait() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.paused {
		return 0
	}
	return max(time.Until(a.probe), 0)
}

// Claim asks to send: always granted while the token works, and to one lane
// in a probe interval while it does not.
func (a *Account) Claim(probe time.Duration) bool {
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
