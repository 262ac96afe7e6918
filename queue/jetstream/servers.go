package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// servers holds one connection to each server, so that a server that is cut off from the others can
// be skipped at once.
type servers struct {
	conns    []*nats.Conn
	lastGood atomic.Uint32 // index of the connection that answered last

	opts   []nats.Option
	denied atomic.Pointer[error] // the last permission violation a server reported
}

func connect(o *Options, changed func()) (*servers, error) {
	s := &servers{}
	opts := []nats.Option{
		nats.Name("relay " + o.Name), nats.IgnoreDiscoveredServers(), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.ReconnectBufSize(-1), // a request that cannot be sent at once fails instead of being sent later
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(2 * time.Second), nats.FlusherTimeout(2 * time.Second),
		nats.ReconnectHandler(func(*nats.Conn) { changed() }),
		nats.ConnectHandler(func(*nats.Conn) { changed() }), // a server that was down at first
	}
	if o.Credentials != "" {
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.CAFile != "" {
		opts = append(opts, nats.RootCAs(o.CAFile))
	}
	if o.CertFile != "" {
		opts = append(opts, nats.ClientCert(o.CertFile, o.KeyFile))
	}
	opts = append(opts, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			s.denied.Store(&err)
		}
	}))
	s.opts = opts
	for _, url := range o.URLs {
		c, err := nats.Connect(url, opts...)
		if err != nil { // invalid options; an unreachable server is retried instead
			s.close()
			return nil, setupError("connect to %s: %v", url, err)
		}
		s.conns = append(s.conns, c)
	}
	return s, nil
}

// connectError tries to connect to a server and returns the error.
func (s *servers) connectError(url string) error {
	c, err := nats.Connect(url, append(slices.Clone(s.opts), nats.RetryOnFailedConnect(false), nats.NoReconnect(), nats.ConnectHandler(nil), nats.ReconnectHandler(nil))...)
	if err == nil {
		c.Close()
	}
	return err //nolint:wrapcheck // the caller names the server
}

func (s *servers) close() {
	for _, c := range s.conns {
		c.Close()
	}
}

// nth returns the connection n places after the one that answered last, and its index.
func (s *servers) nth(n int) (*nats.Conn, uint32) {
	i := (s.lastGood.Load() + uint32(n)) % uint32(len(s.conns))
	return s.conns[i], i
}

// byName returns the connection to the server called name, or nth(n) if there is none.
func (s *servers) byName(name string, n int) (*nats.Conn, uint32) {
	for i, c := range s.conns {
		if c.IsConnected() && c.ConnectedServerName() == name {
			return c, uint32(i)
		}
	}
	return s.nth(n)
}

// request sends m to one server after another until one answers or ctx ends. The request must be
// safe to repeat.
func (s *servers) request(ctx context.Context, m *nats.Msg, each time.Duration) (*nats.Msg, error) {
	var last error
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w: %s did not answer: %w", errStalled, m.Subject, errors.Join(last, err))
		}
		c, i := s.nth(n)
		one, cancel := context.WithTimeout(ctx, each)
		answer, err := c.RequestMsgWithContext(one, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
		cancel()
		if err == nil {
			s.lastGood.Store(i)
			return answer, nil
		}
		last = err
		if !errors.Is(err, context.DeadlineExceeded) && !sleep(ctx, 30*time.Millisecond) {
			return nil, fmt.Errorf("%w: %s did not answer: %w", errStalled, m.Subject, last)
		}
	}
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

const apiPrefix = "$JS.API."

// apiError is a server's error response.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s (NATS error %d)", e.Description, e.ErrCode)
}

// The error codes of the servers that decisions depend on.
const (
	codeNoMessage   = 10037
	codeWrongLast   = 10071
	codeBeingSet    = 10164 // codeWrongLast for a message still being replicated
	codeStreamStore = 10077 // among others: no room
	codeNoStream    = 10059
	codeNotDeleted  = 10057 // among others: the message does not exist
	codeNoLeader    = 10008 // an election is in progress
	codeNoPeers     = 10005 // among others: a server is down
)

// temporary reports whether the same request may succeed in a moment, without a change to the
// setup.
func (e *apiError) temporary() bool {
	return e.ErrCode == codeNoLeader || e.ErrCode == codeNoPeers && strings.Contains(e.Description, "offline")
}

// hasCode reports whether err is a server's response with this code.
func hasCode(err error, code int) bool {
	var e *apiError
	return errors.As(err, &e) && (e.ErrCode == code || code == codeWrongLast && e.ErrCode == codeBeingSet)
}

// api calls an endpoint of the JetStream API, which the leader answers.
func (s *servers) api(ctx context.Context, endpoint string, in, out any) error {
	var data []byte
	if in != nil {
		var err error
		if data, err = json.Marshal(in); err != nil {
			return fmt.Errorf("call %s: %w", endpoint, err)
		}
	}
	answer, err := s.request(ctx, &nats.Msg{Subject: apiPrefix + endpoint, Data: data}, 2*time.Second)
	if err != nil {
		return err
	}
	return readAnswer(endpoint, answer, out)
}

// readAnswer decodes the response to an API call.
func readAnswer(endpoint string, answer *nats.Msg, out any) error {
	var failed struct{ Error *apiError }
	if err := json.Unmarshal(answer.Data, &failed); err != nil {
		return fmt.Errorf("call %s: %w", endpoint, err)
	}
	if failed.Error != nil {
		return fmt.Errorf("call %s: %w", endpoint, failed.Error)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fmt.Errorf("call %s: %w", endpoint, err)
	}
	return nil
}

// ack is the confirmation that a message was stored.
type ack struct {
	Seq       uint64
	Duplicate bool
	Error     *apiError
}

func readAck(m *nats.Msg) (ack, error) {
	var a ack
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("read acknowledgement: %w", err)
	}
	if a.Error != nil {
		return a, a.Error
	}
	return a, nil
}

// publish stores a message. Its id or expected sequence must make a repetition harmless.
func (s *servers) publish(ctx context.Context, m *nats.Msg) (ack, error) {
	answer, err := s.request(ctx, m, time.Second)
	if err != nil {
		return ack{}, err
	}
	return readAck(answer)
}

// message is a message of a stream.
type message struct {
	subject string
	seq     uint64
	header  nats.Header
	data    []byte
}

// get returns messages of a stream from a sequence number on, from any server with a copy, which
// may be behind.
func (s *servers) get(ctx context.Context, stream string, from uint64, most int) (out []message, err error) {
	for n := 0; n < 2*len(s.conns); n++ {
		c, i := s.nth(n)
		one, cancel := context.WithTimeout(ctx, 2*time.Second)
		out, err = getFrom(one, c, stream, from, most)
		cancel()
		if err == nil {
			s.lastGood.Store(i)
			return out, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%w: read stream %s: %w", errStalled, stream, err)
}

func getFrom(ctx context.Context, c *nats.Conn, stream string, from uint64, most int) ([]message, error) {
	inbox := c.NewInbox()
	sub, err := c.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone by now
	body := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":">","batch":%d,"max_bytes":%d}`, from, most, 16<<20)
	if err := c.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	var out []message
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil && len(out) > 0 {
			return out, nil // the next call asks for the rest: a slow server is no reason to start over
		}
		if err != nil {
			return nil, fmt.Errorf("wait for the answer: %w", err)
		}
		switch m.Header.Get("Status") {
		case "":
			seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("response without a sequence number: %w", err)
			}
			out = append(out, message{m.Header.Get("Nats-Subject"), seq, m.Header, m.Data})
		case "204", "404":
			return out, nil
		default:
			return nil, fmt.Errorf("status %s %s", m.Header.Get("Status"), m.Header.Get("Description"))
		}
	}
}

// next returns the first message from a sequence number on, as seen by the stream's leader, or by a
// former leader that has not noticed yet that it was replaced.
func (s *servers) next(ctx context.Context, stream string, from uint64) (message, bool, error) {
	var out struct {
		Message struct {
			Subject string
			Seq     uint64
			Hdrs    []byte
			Data    []byte
		}
	}
	err := s.api(ctx, "STREAM.MSG.GET."+stream, map[string]any{"seq": from, "next_by_subj": ">"}, &out)
	if hasCode(err, codeNoMessage) {
		return message{}, false, nil
	}
	if err != nil {
		return message{}, false, err
	}
	h := nats.Header{}
	if len(out.Message.Hdrs) > 0 {
		if h, err = nats.DecodeHeadersMsg(out.Message.Hdrs); err != nil {
			return message{}, false, fmt.Errorf("read headers: %w", err)
		}
	}
	return message{out.Message.Subject, out.Message.Seq, h, out.Message.Data}, true, nil
}

// tail calls fn for every message of a stream from a sequence number on, and returns where to
// continue. It stops at the end as reported by the stream's leader, which may be a former leader:
// there may be more messages.
func (s *servers) tail(ctx context.Context, stream string, from uint64, fn func(message) error) (uint64, error) {
	for {
		msgs, err := s.get(ctx, stream, from, 256)
		if err != nil {
			return from, err
		}
		if len(msgs) == 0 { // the end, or a copy that is behind
			m, more, err := s.next(ctx, stream, from)
			if err != nil || !more {
				return from, err
			}
			msgs = []message{m}
		}
		for _, m := range msgs {
			if err := fn(m); err != nil {
				return from, err
			}
			from = m.seq + 1
		}
	}
}
