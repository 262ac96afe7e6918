package jetstream

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// Say tells all other processes that share the log something, which may get lost.
func (l *Log) Broadcast(what string, data []byte) error {
	subject := l.o.Name + ".say." + what
	sealed, err := l.ring.Seal(nil, "say", 0, []byte(subject), data)
	if err != nil {
		return fmt.Errorf("say: %w", err)
	}
	h := nats.Header{orderBy: {l.me}, sayCount: {strconv.FormatUint(l.said.Add(1), 10)}}
	c, _ := l.servers.at(0)
	if err := c.PublishMsg(&nats.Msg{Subject: subject, Header: h, Data: sealed}); err != nil {
		return fmt.Errorf("say: %w", err)
	}
	return nil
}

// Hear calls fn with what another process says, one after the other, until the log is
// closed. It is heard over every server, and fn gets it once.
func (l *Log) Subscribe(what string, fn func(by string, data []byte)) error {
	subject := l.o.Name + ".say." + what
	var mu sync.Mutex
	last := make(map[string]uint64)
	hear := func(m *nats.Msg) {
		by := m.Header.Get(orderBy)
		n, err := strconv.ParseUint(m.Header.Get(sayCount), 10, 64)
		if err != nil || by == "" || by == l.me {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if n <= last[by] {
			return
		}
		data, err := l.unseal("say", 0, subject, m.Data)
		if err != nil {
			return // this process lacks the key, which is said elsewhere
		}
		if last[by] = n; len(last) > 1000 { // of processes that are gone, mostly
			clear(last)
		}
		fn(by, data)
	}
	for _, c := range l.servers.conns {
		if _, err := c.Subscribe(subject, hear); err != nil {
			return fmt.Errorf("hear: %w", err)
		}
	}
	return nil
}

// Me is what this process is known by to the others: By of what it says, and a name that
// orders can be served for.
func (l *Log) ProcessID() string { return l.me }
