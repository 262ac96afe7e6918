package admin

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/backup"
)

// Whoever takes nothing of a backup is cut off, so that the next can have one; whoever
// takes it in pieces, each within that time, has all of it.
func TestBackupReaderThatStandsStill(t *testing.T) {
	const patience = 300 * time.Millisecond
	f := newFixture(t, func(o *Options) { o.Queue, o.Drain, o.Access.Patience = bigQueue(t), nil, patience })
	var d net.Dialer
	still, err := d.DialContext(t.Context(), "tcp", f.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer still.Close()
	if err := still.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(still, "POST /api/v1/backup HTTP/1.1\r\nHost: "+f.Addr()+"\r\nX-Relay: 1\r\nAuthorization: Bearer "+testToken+"\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := still.Read(one); err != nil { // it has begun
		t.Fatal(err)
	}
	if err := f.client().Backup(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), backup.ErrBusy.Error()) {
		t.Fatalf("beside it: %v", err)
	}
	var whole bytes.Buffer
	deadline := time.Now().Add(20 * time.Second)
	for {
		whole.Reset()
		err := f.client().Backup(t.Context(), &pieces{w: &whole, wait: patience / 10})
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a reader that stands still keeps the place: %v", err)
		}
		<-time.After(patience / 10)
	}
	if n, err := backup.Verify(&whole); err != nil || n == 0 {
		t.Errorf("%d files, %v", n, err)
	}
}

// pieces waits before each of the first pieces it takes.
type pieces struct {
	w    io.Writer
	wait time.Duration
	n    int
}

func (p *pieces) Write(b []byte) (int, error) {
	if p.n++; p.n <= 10 {
		<-time.After(p.wait)
	}
	return p.w.Write(b)
}
