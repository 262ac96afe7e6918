package pace

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Account is the state of an access token that its lanes share: one limiter, and the pause
// while the token is refused.
type Account struct {
	lim *rate.Limiter

	mu     sync.Mutex
	paused bool
	probe  time.Time // when one lane can try again
}

// NewAccount starts with one request available, not a full burst, so that a relay that is
// restarted repeatedly sends no bursts.
func NewAccount(perSecond float64, burst int) *Account {
	a := &Account{lim: rate.NewLimiter(rate.Limit(perSecond), burst)}
	if burst > 1 {
		a.lim.AllowN(time.Now(), burst-1)
	}
	return a
}

// Set changes the limits. The caller wakes the lanes that wait.
func (a *Account) Set(perSecond float64, burst int) {
	now := time.Now()
	a.lim.SetLimitAt(now, rate.Limit(perSecond))
	a.lim.SetBurstAt(now, burst)
}

// Reserve reserves one request, which can be sent after the wait. A caller that gives up
// must cancel the reservation.
func (a *Account) Reserve() (r *rate.Reservation, wait time.Duration) {
	now := time.Now()
	r = a.lim.ReserveN(now, 1)
	return r, r.DelayFrom(now)
}

// Pause stops all lanes of the token. It reports whether they were not paused before.
func (a *Account) Pause(probe time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := !a.paused
	a.paused, a.probe = true, time.Now().Add(probe)
	return news
}

// Works ends the pause after Meta accepted the token. It reports whether there was one.
func (a *Account) Works() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.paused
	a.paused = false
	return was
}

// Try allows the next lane to make an attempt at once.
func (a *Account) Try() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.probe = time.Time{}
}

// Wait returns how long a lane must wait before it can call Claim.
func (a *Account) Wait() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.paused {
		return 0
	}
	return max(time.Until(a.probe), 0)
}

// Claim reports whether a lane can send now. While the token is paused, only one lane can in
// each probe interval.
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
