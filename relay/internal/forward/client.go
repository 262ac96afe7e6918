package forward

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"relay/queue"
	"relay/relay/internal/graph"
)

// Poster sends a body to the hub. *graph.Client implements it.
type Poster interface {
	Post(ctx context.Context, path, contentType, bearer string, body []byte) graph.Posted
}

// ClientOptions configures a Client. Every field except Logger must be set.
type ClientOptions struct {
	Post    Poster
	Key     func() string // the current key
	Epochs  *Epochs
	Version string       // of this relay
	State   func() State // without Version
	// Received returns when a record was received, corrected for errors of this machine's
	// clock. Nil: no correction.
	Received func(*queue.Record) time.Time
	// Forget carries out a forget of the hub. It can be called again for the same one.
	Forget func(ctx context.Context, f *Forget) error
	Logger *slog.Logger
}

// Client sends chunks to a hub. It is safe for concurrent use.
type Client struct {
	o    ClientOptions
	kick chan struct{} // the hub asks for a Call
}

// NewClient makes a Client.
func NewClient(o ClientOptions) *Client {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Received == nil {
		o.Received = func(r *queue.Record) time.Time { return r.Received }
	}
	return &Client{o, make(chan struct{}, 1)}
}

// laneOf returns the kind of a lane's records.
func laneOf(lane string) Lane {
	switch lane {
	case queue.LaneRefused:
		return Refused
	case queue.LaneConflict:
		return Conflicts
	}
	return Events
}

// Forward sends the first records of b that have one epoch. If the class of the result is
// graph.Delivered, the hub has all records before end, except forgotten, which it did not
// store because a forget applies to them.
func (c *Client) Forward(ctx context.Context, lane string, b queue.Batch, waiting int64) (end queue.Seq, forgotten []queue.Seq, r graph.Result) {
	start := time.Now()
	epoch, until := c.o.Epochs.Of(b.Records[0].Seq)
	chunk := Chunk{Epoch: epoch, Lane: laneOf(lane), From: b.Records[0].Seq, To: min(b.Next, until), Records: b.Records}
	if i := slices.IndexFunc(b.Records, func(r queue.Record) bool { return r.Seq >= until }); i >= 0 {
		chunk.Records = b.Records[:i]
	}
	chunk.Records = slices.Clone(chunk.Records)
	for i := range chunk.Records {
		chunk.Records[i].Received = c.o.Received(&chunk.Records[i])
	}
	chunk.State = State{Waiting: waiting, Oldest: chunk.Records[0].Received, Version: c.o.Version}
	a, r := c.post(ctx, ContentType, chunk.Append(nil))
	if a.Call {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
	r.Sent, r.Elapsed = len(chunk.Records), time.Since(start)
	return chunk.To, a.Forgotten, r
}

// post sends a body. The answer is empty unless the class is graph.Delivered.
func (c *Client) post(ctx context.Context, contentType string, body []byte) (a Answer, r graph.Result) {
	p := c.o.Post.Post(ctx, Path, contentType, c.o.Key(), body)
	if r = result(p, body); r.Class == graph.Delivered {
		_ = json.Unmarshal(p.Body, &a) // result has read it
	}
	return a, r
}

// Probe checks whether the hub would accept a chunk, without sending one. The class is
// graph.Delivered if so.
func Probe(ctx context.Context, post Poster, key string) graph.Result {
	start := time.Now()
	p := post.Post(ctx, Path, ContentType, key, probe)
	r := result(p, probe)
	r.Elapsed = time.Since(start)
	if r.ServerTime.IsZero() {
		r.ServerTime = r.HubClock // good enough for a warning
	}
	return r
}

// Ask asks the hub for the time. If the hub does not trust its clock, the result has only
// HubClock.
func (c *Client) Ask(ctx context.Context) graph.Result {
	start := time.Now()
	_, r := c.post(ctx, ContentType, probe)
	r.Elapsed = time.Since(start)
	return r
}

// result classifies the answer to a body. A success without the proof that the body was read
// does not count. Package advice has what a person must do.
func result(p graph.Posted, body []byte) graph.Result {
	r := graph.Result{HTTPStatus: p.Status, Upload: p.Upload, Failure: p.Failure, Message: p.Err, RetryAfter: retryAfter(p.Header)}
	var said struct {
		Answer
		Code     string `json:"code"`
		Message  string `json:"message"`
		Versions []int  `json:"versions"`
	}
	read := json.Unmarshal(p.Body, &said) == nil
	if p.Status != 0 && !(read && (said.Success && said.Proof == Proof(body) || said.Code != "")) {
		r.Foreign = true
		r.Class, r.Message = graph.Retry, fmt.Sprintf("HTTP %d, but the answer is not from a relay", p.Status)
		return r
	}
	r.Said = said.Code
	r.ServerTime = said.Now
	if p.Status != 0 {
		r.Message = fmt.Sprintf("HTTP %d (%s)", p.Status, said.Code)
	}
	switch p.Status {
	case 0:
		if r.Class = graph.Retry; p.Upload == graph.UploadWhole {
			r.Class = graph.Doubt
		}
	case http.StatusOK:
		if r.Class = graph.Retry; said.Success {
			r.Class, r.Message = graph.Delivered, ""
			if r.ServerTime.IsZero() {
				r.HubClock, _ = http.ParseTime(p.Header.Get("Date"))
			}
		}
	case http.StatusTooManyRequests:
		r.Class = graph.Throttle
		if said.Code == "busy" || said.Code == "rate_limited" || said.Code == "too_many_connections" {
			r.Class = graph.Retry
		}
	case http.StatusRequestEntityTooLarge:
		r.Class = graph.TooMuch
	case http.StatusUnsupportedMediaType:
		r.Class = graph.ConfigPause
		r.Message += fmt.Sprintf(": it reads version %v, this relay writes version %d", said.Versions, Version)
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		r.Class = graph.ConfigPause
	default:
		r.Class = graph.Retry
	}
	return r
}

func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}
