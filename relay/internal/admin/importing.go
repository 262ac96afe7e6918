package admin

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// importing knows which imports are under way: what they bring later is in no file of
// relay's yet, so that a forget cannot find it.
type importing struct {
	mu    sync.Mutex
	heard map[string]time.Time // of each key, the last that was heard of it
}

// importPatience is how long an import may say nothing, and be under way: one waits at
// most a minute for a queue that is full.
const importPatience = 3 * time.Minute

// hear notes that an import is under way, or, by a state, that it is done.
func (i *importing) hear(key string, state []byte, now time.Time) {
	var st struct {
		Done bool `json:"done"`
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if json.Unmarshal(state, &st) == nil && st.Done {
		delete(i.heard, key)
		return
	}
	i.drop(now)
	if i.heard == nil {
		i.heard = make(map[string]time.Time)
	}
	i.heard[key] = now
}

// drop takes out those that have said nothing for long. The caller holds i.mu.
func (i *importing) drop(now time.Time) {
	for key, at := range i.heard {
		if now.Sub(at) > importPatience {
			delete(i.heard, key)
		}
	}
}

// unreached says that imports are under way; "" when none is.
func (i *importing) unreached(now time.Time) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.drop(now)
	switch n := len(i.heard); n {
	case 0:
		return ""
	case 1:
		return "an import that is under way, or was broken off a moment ago: run this again when it has ended"
	default:
		return fmt.Sprintf("%d imports that are under way, or were broken off a moment ago: run this again when they have ended", n)
	}
}
