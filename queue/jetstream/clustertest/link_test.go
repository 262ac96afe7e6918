package clustertest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// link is a connection between two servers that can be stalled: nothing passes and nothing is
// closed, as if a cable were pulled.
type link struct {
	ln net.Listener
	to string

	mu      sync.Mutex
	free    sync.Cond
	stalled bool
	closed  bool
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{ln: ln, to: to}
	l.free.L = &l.mu
	t.Cleanup(func() {
		ln.Close()
		l.mu.Lock()
		l.closed = true
		l.free.Broadcast()
		l.mu.Unlock()
	})
	go l.accept()
	return l
}

func (l *link) addr() string { return l.ln.Addr().String() }

func (l *link) stall(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = on
	l.free.Broadcast()
}

// pass waits until the link is not stalled.
func (l *link) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.stalled && !l.closed {
		l.free.Wait()
	}
}

func (l *link) accept() {
	for {
		in, err := l.ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			l.pass()
			out, err := net.Dial("tcp", l.to)
			if err != nil {
				return
			}
			defer out.Close()
			done := make(chan struct{}, 2)
			copyTo := func(dst, src net.Conn) {
				b := make([]byte, 32<<10)
				for {
					n, err := src.Read(b)
					if n > 0 {
						l.pass()
						if _, werr := dst.Write(b[:n]); werr != nil {
							break
						}
					}
					if err == io.EOF || err != nil {
						break
					}
				}
				done <- struct{}{}
			}
			go copyTo(out, in)
			go copyTo(in, out)
			<-done
		}()
	}
}
