package jetstream

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// holder tracks which process holds the lease, for a process that waits for it. What it tracks is
// valid for a third of the lease: renewals, and answers of the servers, arrive every tenth.
type holder struct {
	mu       sync.Mutex
	renewal  []byte
	renewed  time.Time // when this renewal was first seen
	answered time.Time // when the servers last answered about the lease
}

// saw records the current row of the lease.
func (h *holder) saw(beat []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered = time.Now()
	if !bytes.Equal(beat, h.renewal) {
		h.renewal, h.renewed = clone(beat), h.answered
	}
}

// answeredNow records that the servers answered about the lease.
func (h *holder) answeredNow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered = time.Now()
}

// of returns the holder's name; "" if no process renews the lease. known is false while the servers
// do not answer.
func (h *holder) of(lease time.Duration) (name string, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.answered.IsZero() && time.Since(h.answered) > lease/3 {
		return "", false
	}
	if time.Since(h.renewed) > lease/3 {
		return "", true
	}
	_, at, _ := strings.Cut(string(h.renewal), "@")
	name, _, _ = strings.Cut(at, " ")
	return name, true
}
