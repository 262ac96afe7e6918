package jetstream

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// Broadcast sends data to all other processes that share the log. It may get lost.
func (l *Log) Broadcast(topic string, data []byte) error {
	subject := l.options.Name + ".say." + topic
	sealed, err := l.ring.Seal(nil, "say", 0, []byte(subject), data)
	if err != nil {
		return fmt.Errorf("broadcast: %w", err)
	}
	h := nats.Header{headerProcess: {l.processID}, headerCount: {strconv.FormatUint(l.broadcasts.Add(1), 10)}}
	c, _ := l.servers.nth(0)
	if err := c.PublishMsg(&nats.Msg{Subject: subject, Header: h, Data: sealed}); err != nil {
		return fmt.Errorf("broadcast: %w", err)
	}
	return nil
}

// Subscribe calls fn with what other processes broadcast under a topic, one message at a time,
// until the log is closed. Messages arrive over every server; fn gets each one once.
func (l *Log) Subscribe(topic string, fn func(by string, data []byte)) error {
	subject := l.options.Name + ".say." + topic
	var mu sync.Mutex
	last := make(map[string]uint64)
	receive := func(m *nats.Msg) {
		by := m.Header.Get(headerProcess)
		n, err := strconv.ParseUint(m.Header.Get(headerCount), 10, 64)
		if err != nil || by == "" || by == l.processID {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if n <= last[by] {
			return
		}
		data, err := l.openSealed("say", 0, subject, m.Data)
		if err != nil {
			return // the missing key is reported elsewhere
		}
		if last[by] = n; len(last) > 1000 { // mostly of processes that have ended
			clear(last)
		}
		fn(by, data)
	}
	for _, c := range l.servers.conns {
		if _, err := c.Subscribe(subject, receive); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	return nil
}

// ProcessID identifies this process to the others: as the sender of broadcasts, and as a name that
// orders can be served under.
func (l *Log) ProcessID() string { return l.processID }
