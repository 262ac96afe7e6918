package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"relay/internal/socket"
)

// Client calls a running relay over its control socket. It sends neither a token nor a
// name, so another program at the socket learns nothing.
type Client struct {
	at   string // address, for errors
	http *http.Client
}

// ErrUnreachable means that no relay answers at the socket. A command then opens the queue
// directory, or fails with exit code 75.
var ErrUnreachable = errors.New("no relay answers")

// Failure is the JSON of every error answer.
type Failure struct {
	Success bool   `json:"success"` // false
	Code    string `json:"code"`    // snake_case
	Message string `json:"message"` // for people
	Error   string `json:"error"`   // the same as Message
}

// Error is an error answer of relay.
type Error struct {
	Status  int    // HTTP
	Code    string // snake_case
	Message string // for people
}

func (e *Error) Error() string { return e.Message }

// NewClient returns a client that connects with dial; at is the address for errors.
func NewClient(at string, dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{at: at, http: &http.Client{
		Transport: &http.Transport{
			DialContext:  func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // relay never redirects
	}}
}

// SocketClient returns a client of the control socket at path for the queue in dir.
func SocketClient(path, dir string) *Client {
	return NewClient(path, func(ctx context.Context) (net.Conn, error) { return socket.DialControl(ctx, path, dir) })
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// do sends a request and returns a successful answer. Other answers are an *Error; without
// an answer the error wraps ErrUnreachable.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if in == nil {
		in = struct{}{}
	}
	res, err := c.send(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, errorFrom(res)
	}
	return res, nil
}

// request sends a request and returns the answer, whatever its status.
func (c *Client) request(ctx context.Context, method, path string) (*http.Response, error) {
	return c.send(ctx, method, path, struct{}{})
}

func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if method == http.MethodPost {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("write request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://relay"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(ChangeHeader, "1")
	}
	res, err := c.http.Do(req)
	if err == nil {
		return res, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if uerr, ok := errors.AsType[*url.Error](err); ok {
		err = uerr.Err // without the URL and its query
	}
	if no, ok := errors.AsType[*socket.NotAllowedError](err); ok {
		return nil, no
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without the path, which the message contains
	}
	return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.at, err)
}

func errorFrom(res *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	var e struct{ Code, Message string }
	if json.Unmarshal(b, &e) != nil || e.Message == "" {
		e.Code, e.Message = "not_relay", fmt.Sprintf("the program at the socket is not relay (it answered %d)", res.StatusCode)
	}
	return &Error{Status: res.StatusCode, Code: e.Code, Message: e.Message}
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

func (c *Client) post(ctx context.Context, path string, in, out any) error {
	return c.call(ctx, http.MethodPost, path, nil, in, out)
}

func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	res, err := c.do(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// save copies an answer to w.
func (c *Client) save(ctx context.Context, method, path string, query url.Values, w io.Writer) error {
	res, err := c.do(ctx, method, path, query, struct{}{})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// list reads JSON lines, calling fn for each until it returns false.
func list[T any](ctx context.Context, c *Client, path string, query url.Values, fn func(T) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // an early end closes the connection
	res, err := c.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	dec := json.NewDecoder(res.Body)
	for {
		var v T
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read list: %w", err)
		}
		if !fn(v) {
			return nil
		}
	}
}

// events reads server-sent events, calling fn for each until it returns
// false, ctx ends or relay stops.
func (c *Client) events(ctx context.Context, path string, fn func(event string, data []byte) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(make([]byte, 64<<10), 16<<20)
	event := ""
	for sc.Scan() {
		line := sc.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
			continue
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		if event == "end" || !fn(event, []byte(data)) {
			return nil
		}
	}
	if err := sc.Err(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w any more: %w", ErrUnreachable, err)
	}
	return ctx.Err()
}

// ChangeHeader is the header of every state change. Neither a form nor a redirected GET can
// send it.
const ChangeHeader = "X-Relay"
