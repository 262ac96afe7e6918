package jetstream

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// holder is what this process knows of who has the lease, while it waits for it. It is
// known no longer than it is fresh: a renewal, and an answer of the servers, comes each
// tenth of the lease, and counts for a third.
type holder struct {
	mu       sync.Mutex
	beat     []byte
	renewed  time.Time // when beat was first seen
	answered time.Time // when the servers last answered about the lease
}

// saw notes the row of the lease as the servers have it now.
func (h *holder) saw(beat []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered = time.Now()
	if !bytes.Equal(beat, h.beat) {
		h.beat, h.renewed = clone(beat), h.answered
	}
}

// heard notes that the servers have answered about the lease.
func (h *holder) heard() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered = time.Now()
}

// of names who has the lease, as it names itself; "": nobody renews it. known is false
// while the servers do not answer.
func (h *holder) of(lease time.Duration) (name string, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.answered.IsZero() && time.Since(h.answered) > lease/3 {
		return "", false
	}
	if time.Since(h.renewed) > lease/3 {
		return "", true
	}
	_, at, _ := strings.Cut(string(h.beat), "@")
	name, _, _ = strings.Cut(at, " ")
	return name, true
}
