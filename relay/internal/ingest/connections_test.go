package ingest

import (
	"net"
	"net/http"
	"testing"
	"time"
)

func TestConnectionsAdmit(t *testing.T) {
	t.Parallel()
	c := newConnections(4)
	open := func() (net.Conn, *failure) {
		conn, other := net.Pipe()
		t.Cleanup(func() { _, _ = conn.Close(), other.Close() })
		return conn, connRefuses(c.admit(t.Context(), conn))
	}
	closed := func(conn net.Conn) bool {
		return conn.SetDeadline(time.Time{}) != nil
	}
	var conns []net.Conn
	for range 4 {
		conn, f := open()
		if f != nil {
			t.Fatal(f)
		}
		conns = append(conns, conn)
	}
	c.state(conns[0], http.StateActive) // at work: must not be the victim
	c.state(conns[1], http.StateActive)
	c.state(conns[1], http.StateIdle) // idle again, but for the shortest time
	if _, f := open(); f != nil || !closed(conns[2]) || closed(conns[0]) || closed(conns[1]) {
		t.Error("not the longest idle one made room")
	}
	c.state(conns[2], http.StateClosed)
	for conn := range c.all {
		c.state(conn, http.StateActive)
	}
	if conn, f := open(); f != failCrowded || closed(conn) {
		t.Error("the first too many is not told so")
	}
	c.state(conns[0], http.StateActive)
	for conn := range c.all {
		c.state(conn, http.StateActive)
	}
	if conn, _ := open(); !closed(conn) {
		t.Error("the far too many is not closed")
	}
	if len(c.all) != 5 {
		t.Errorf("%d are let in", len(c.all))
	}
	for conn := range c.all {
		c.state(conn, http.StateClosed)
	}
	if len(c.all) != 0 || len(c.idle) != 0 {
		t.Errorf("%d left, %d of them idle", len(c.all), len(c.idle))
	}
}
