package ingest

import (
	"bytes"
	"net"
	"strconv"
)

// net/http itself answers invalid HTTP in plain text, before it calls the handler. Clients that
// parse every answer as JSON (Python's among them) would treat such an answer as a temporary
// error, so it is replaced by one in the form of all others.

// plainAnswer is the end of the header of such an answer.
var plainAnswer = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// protocolListener wraps connections so that net/http's own answers become JSON.
type protocolListener struct{ net.Listener }

func (l protocolListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &protocolConn{Conn: c}, nil
}

type protocolConn struct {
	net.Conn
	head requestHead
}

// Read also records the head of the request.
func (c *protocolConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.head.add(b[:n])
	return n, err
}

func (c *protocolConn) Write(b []byte) (int, error) {
	if len(b) > 1024 || len(b) < 12 || b[9] != '4' && b[9] != '5' {
		return c.Conn.Write(b)
	}
	head, _, plain := bytes.Cut(b, plainAnswer)
	if string(b[9:12]) == "417" { // only net/http sends it, without a body
		head, _, plain = bytes.Cut(b, []byte("\r\n"))
	}
	if !plain || bytes.IndexByte(head, '\n') >= 0 {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(protocolAnswer(head)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite lets an answer arrive although the request was not read to its end.
func (c *protocolConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// protocolAnswer returns the answer for a status line.
func protocolAnswer(status []byte) []byte {
	code, words := "bad_request", "this is not a valid HTTP request"
	switch string(status[9:12]) {
	case "417":
		code, words = "unsupported_expectation", "the only supported Expect is 100-continue"
	case "431":
		code, words = "headers_too_large", "the header of the request is too large"
	case "501":
		code, words = "unsupported_transfer_encoding", "the only supported Transfer-Encoding is chunked"
	case "505":
		code, words = "unsupported_version", "use HTTP/1.1"
	}
	body := `{"success":false,"code":"` + code + `","message":"` + words + `","error":"` + words + `"}`
	out := append([]byte(nil), status...)
	if i := bytes.IndexByte(out, ':'); i >= 0 { // net/http's own text
		out = out[:i]
	}
	return append(out, "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body...)
}
