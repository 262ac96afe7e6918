package access

import (
	"errors"
	"net"
	"testing"
	"time"
)

// A new connection is always taken: one without a request gives way first, then the one
// that has answered somebody unknown longest; whoever is signed in stays.
func TestConnectionsGiveWay(t *testing.T) {
	p := newConns(2)
	age := time.Now()
	admit := func(u use) (there net.Conn) {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		if ctx := p.admit(t.Context(), here); u != useNone {
			p.answer(ctx, u)
		}
		if c := p.all[here]; c != nil {
			c.since, age = age, age.Add(time.Second)
		}
		return there
	}
	closed := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := c.Read(make([]byte, 1))
		return err != nil && !isTimeout(err)
	}
	anybody, idle := admit(useAnybody), admit(useNone)
	signed := admit(useSigned)
	if !closed(idle) || closed(anybody) {
		t.Fatal("the one without a request does not give way")
	}
	also := admit(useSigned)
	if !closed(anybody) || closed(signed) {
		t.Fatal("who is not signed in does not give way to a new connection")
	}
	if late := admit(useNone); !closed(late) || closed(signed) || closed(also) {
		t.Error("somebody signed in gave way")
	}
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}
