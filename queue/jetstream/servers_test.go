package jetstream

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// Requests begin at the connection that answered last and go around; an unknown server name changes
// nothing.
func TestServersOrder(t *testing.T) {
	s := &servers{conns: []*nats.Conn{{}, {}, {}}}
	s.lastGood.Store(1)
	for n, want := range []uint32{1, 2, 0, 1} {
		if c, i := s.nth(n); i != want || c != s.conns[want] {
			t.Errorf("nth(%d): connection %d, want %d", n, i, want)
		}
		if _, i := s.byName("n9", n); i != want {
			t.Errorf("byName of an unknown server, %d: connection %d, want %d", n, i, want)
		}
	}
}

// A server's error response becomes an *apiError with its code; any other response is decoded.
func TestReadAnswer(t *testing.T) {
	var out struct{ Seq uint64 }
	for _, c := range []struct {
		data string
		code int    // of the error
		want string // in the text of the error; "": none
	}{
		{`{"seq":7}`, 0, ""},
		{`{"error":{"code":404,"err_code":10037,"description":"no message found"}}`, codeNoMessage, "call X: no message found (NATS error 10037)"},
		{`{"error":{"code":503,"err_code":10164,"description":"being replicated"}}`, codeWrongLast, "being replicated"},
		{`{"seq":"seven"}`, 0, "call X: json"},
		{`{`, 0, "call X: unexpected end"},
	} {
		err := readAnswer("X", &nats.Msg{Data: []byte(c.data)}, &out)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || c.code != 0 && !hasCode(err, c.code) {
			t.Errorf("%s: %v, want %q", c.data, err, c.want)
		}
	}
	if out.Seq != 7 {
		t.Errorf("decoded %+v", out)
	}
	if err := readAnswer("X", &nats.Msg{Data: []byte(`{"seq":"seven"}`)}, nil); err != nil {
		t.Errorf("a response that is not needed: %v", err)
	}
}

// An acknowledgement is a sequence number, or the server's error.
func TestReadAck(t *testing.T) {
	if a, err := readAck(&nats.Msg{Data: []byte(`{"stream":"s","seq":5,"duplicate":true}`)}); err != nil || a.Seq != 5 || !a.Duplicate {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := readAck(&nats.Msg{Data: []byte(`{"error":{"err_code":10071,"description":"wrong last sequence"}}`)}); !hasCode(err, codeWrongLast) {
		t.Errorf("an error: %v", err)
	}
	if _, err := readAck(&nats.Msg{Data: []byte("-ERR")}); err == nil || hasCode(err, codeWrongLast) {
		t.Errorf("no JSON: %v", err)
	}
}

// Only a missing leader and an offline server are temporary: the same request can succeed later.
func TestTemporary(t *testing.T) {
	for e, want := range map[apiError]bool{
		{ErrCode: codeNoLeader}: true,
		{ErrCode: codeNoPeers, Description: "peer selection: 1 offline"}:       true,
		{ErrCode: codeNoPeers, Description: "insufficient storage"}:            false,
		{ErrCode: codeStreamStore, Description: "insufficient space, offline"}: false,
	} {
		if e.temporary() != want {
			t.Errorf("%v: temporary %v, want %v", &e, !want, want)
		}
	}
	if wrapped := fmt.Errorf("publish: %w", &apiError{ErrCode: codeNoStream}); !hasCode(wrapped, codeNoStream) || hasCode(wrapped, codeNoMessage) || hasCode(errors.New("10059"), codeNoStream) {
		t.Error("hasCode")
	}
}
