package jetstream

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"relay/internal/logs"
	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

// Log is an open log. Its methods are safe for concurrent use.
type Log struct {
	options Options
	servers *servers
	ring    *seal.Ring
	codec   *chunk.Codec

	settling sync.Mutex // one settlement at a time
	trimming sync.Mutex // one trim at a time
	reading  sync.Mutex // one Current at a time

	mu                      sync.Mutex
	view                    *view
	closed                  bool
	numbersReused           bool      // a stream is known to reuse sequence numbers
	shortSince              time.Time // since when the servers show less than was read; zero: they do not
	rowsReadAt              time.Time // when the last complete read of the rows began
	epoch                   uint64    // of the last lease this process held
	unsafeServers           error     // why reconnected servers must not be used; nil: they may be
	lostRecords, lostChunks int64
	counters                counters

	keyMissing       atomic.Bool // something is encrypted with a missing key, so what follows it is not known
	keysChanged      bool        // the keys were changed since keyMissing was set
	keyMissingLogged time.Time   // when a missing key was last logged; only followLoop uses it
	opened           atomic.Bool
	holder           holder                          // of the lease
	leaders          [streams]atomic.Pointer[string] // server names of the leaders of the event streams, as last seen
	processID        string                          // this process, as the others know it
	broadcasts       atomic.Uint64                   // number of broadcasts sent

	recent     recentChunks
	intake     intake
	moreEvents chan struct{} // signals that the streams may have new messages
	suspicious chan struct{} // signals that a stream may have been recreated or cut short
	trimmable  chan struct{} // signals that there may be messages to trim
	ctx        context.Context
	cancel     context.CancelFunc
	wg         sync.WaitGroup
	writing    sync.WaitGroup // waits for the writer
}

// Open connects to the servers, refuses servers that would lose confirmed messages (ErrSetup),
// creates missing streams, and reads everything that is pending.
func Open(ctx context.Context, o Options) (*Log, error) {
	o = o.withDefaults()
	if err := checkOptions(&o); err != nil {
		return nil, err
	}
	keys, err := seal.NewKeys(o.Key, o.OldKeys...)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{options: o, processID: rand.Text(), ring: seal.NewRing(keys), codec: chunk.NewCodec(), moreEvents: make(chan struct{}, 1), suspicious: make(chan struct{}, 1), trimmable: make(chan struct{}, 1)}
	l.intake.init()
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if l.servers, err = connect(&o, l.reconnected); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := l.open(ctx); err != nil {
		if no := l.servers.denied.Load(); no != nil && !errors.Is(err, ErrSetup) {
			err = setupError("the NATS user lacks permissions (%v): allow it to publish and subscribe to $JS.API.>, $KV.%s-rows.>, %s.> and _INBOX.>", *no, o.Name, o.Name)
		}
		l.cancel()
		l.servers.close()
		l.wg.Wait()
		return nil, fmt.Errorf("open log: %w", err)
	}
	l.opened.Store(true)
	l.reconnected() //nolint:contextcheck // for servers that connected during the open; it outlives the call
	l.writing.Go(l.writeLoop)
	l.wg.Go(l.followLoop)
	l.wg.Go(l.trimLoop)
	signal(l.trimmable)
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	if err := l.checkServers(ctx); err != nil {
		return err
	}
	v, err := l.load(ctx, newView())
	if err != nil {
		return err
	}
	l.view = v
	return nil
}

// load reads everything into an empty view.
func (l *Log) load(ctx context.Context, v *view) (_ *view, err error) {
	if v.created, err = l.createStreams(ctx); err != nil {
		return nil, err
	}
	if err := l.readSecret(ctx, v); err != nil {
		return nil, err
	}
	if err := l.readRowsNow(ctx, v); err != nil {
		return nil, err
	}
	if err := l.truncateRows(ctx, v); err != nil {
		return nil, err
	}
	if v.lostMessages {
		l.options.Logger.Error("a stream was recreated or has lost messages: pending events in it are lost, settled ones may be sent again", "code", logs.StreamRemade, "queue", l.options.Name)
	}
	if err := l.readIDs(ctx, v); err != nil {
		return nil, err
	}
	if err := l.readLetters(ctx, v); err != nil {
		return nil, err
	}
	var found []*entry
	for i := range streams {
		next, err := l.servers.tail(ctx, l.eventStream(i), 1, func(m message) error {
			e, err := l.decodeEntry(i, m)
			if e != nil {
				found = append(found, e)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		v.readTo[i] = next
	}
	slices.SortStableFunc(found, func(a, b *entry) int { return compare(a.number, b.number) })
	for _, e := range found {
		v.admit(e)
	}
	v.settleDeadLettered()
	return v, nil
}

func compare(a, b queue.Seq) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// readSecret reads the secret that ids are hashed with. The first process creates it.
func (l *Log) readSecret(ctx context.Context, v *view) error {
	at := l.rowSubject() + "secret"
	for range 3 {
		m, ok, err := l.readRow(ctx, at)
		if err != nil {
			return err
		}
		if ok {
			plain, err := l.ring.Open("secret", 0, []byte(at), m.data)
			if err != nil {
				return fmt.Errorf("read the secret: %w", err)
			}
			copy(v.secret[:], plain)
			return nil
		}
		var fresh [32]byte
		rand.Read(fresh[:])
		sealed, err := l.ring.Seal(nil, "secret", 0, []byte(at), fresh[:])
		if err != nil {
			return fmt.Errorf("create the secret: %w", err)
		}
		if _, err := l.compareAndSet(ctx, at, 0, sealed); err != nil && !hasCode(err, codeWrongLast) {
			return err
		}
	}
	return setupError("the secret of %s can neither be read nor created", l.options.Name)
}

// decodeEntry decodes a chunk. A damaged chunk is counted and returns nil without an error.
func (l *Log) decodeEntry(i int, m message) (*entry, error) {
	h, err := chunk.DecodeHeader(m.data)
	if err != nil {
		return l.countDamaged(i, m, err)
	}
	ids, payload, err := h.Split(m.data)
	if err != nil {
		return l.countDamaged(i, m, err)
	}
	records, err := l.codec.Decode(l.ring, &h, payload)
	if errors.Is(err, seal.ErrKey) {
		return nil, fmt.Errorf("read chunk: %w", err)
	}
	if err != nil {
		return l.countDamaged(i, m, err)
	}
	e := newEntry(i, m.seq, h.First, len(m.data))
	for k := range records {
		r := &records[k]
		row := ids[k*chunk.IDLen:]
		e.add(ident.Hash(row[:16]), le.Uint64(row[16:]), r.Lanes, r.Body, r.Received.UnixMilli())
	}
	return e, nil
}

func (l *Log) countDamaged(i int, m message, err error) (*entry, error) {
	l.options.Logger.Error("a chunk is damaged and lost", "code", logs.ChunkLost, "stream", l.eventStream(i), "seq", m.seq, "err", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lostChunks++
	return nil, nil
}

// reconnected checks the servers and streams again after a server came back.
func (l *Log) reconnected() {
	if !l.opened.Load() {
		return
	}
	signal(l.suspicious)
	go func() {
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		defer cancel()
		err := l.checkServers(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.unsafeServers = nil; errors.Is(err, ErrSetup) {
			l.unsafeServers = err
			l.options.Logger.Error("a server came back that would lose events: no events are accepted", "code", logs.ServersUnsafe, "err", err)
		}
	}()
}

// Changed returns a channel that is closed when lane gets a record. Call it before reading.
func (l *Log) Changed(lane string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view.lane(lane).changed
}

// Lanes lists every lane that has or had a record.
func (l *Log) Lanes(ctx context.Context) ([]queue.LaneStat, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lanes: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []queue.LaneStat
	for _, ln := range l.view.lanes {
		if ln.revision == 0 && ln.everStored == 0 {
			continue
		}
		out = append(out, ln.stats())
	}
	slices.SortFunc(out, func(a, b queue.LaneStat) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Lost returns how many records are known to be lost, and how many chunks with an unknown number of
// records.
func (l *Log) Lost() (records, chunks int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lostRecords, l.lostChunks
}

// CanAppend reports whether an event can be stored durably now.
func (l *Log) CanAppend(ctx context.Context) error {
	l.mu.Lock()
	refused, closed := l.unsafeServers, l.closed
	full := l.view.size >= l.options.MaxSize
	l.mu.Unlock()
	switch {
	case closed:
		return queue.ErrClosed
	case refused != nil:
		return fmt.Errorf("%w: %w", errUnavailable, refused)
	case full:
		return &queue.FullError{RetryAfter: retryAfter, Reason: "max_size"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, streams)
	for i := range streams { // in parallel: a stream that is electing a leader does not answer
		go func() { results <- l.acceptsWrites(ctx, i) }()
	}
	var err error
	for range streams {
		if err = <-results; err == nil {
			return nil // the other requests end with ctx
		}
	}
	return fmt.Errorf("no stream accepts events: %w", err)
}

// acceptsWrites returns nil if an event stream accepts writes. Each stream is queried through a
// different server: one hanging server can then affect the stream it leads and the stream queried
// through it, but not the third.
func (l *Log) acceptsWrites(ctx context.Context, i int) error {
	endpoint := "STREAM.INFO." + l.eventStream(i)
	c, _ := l.servers.nth(i)
	answer, err := c.RequestMsgWithContext(ctx, &nats.Msg{Subject: apiPrefix + endpoint})
	if err != nil {
		return fmt.Errorf("call %s: %w", endpoint, err)
	}
	var info api.StreamInfo
	if err := readAnswer(endpoint, answer, &info); err != nil {
		return err
	}
	if !hasQuorum(info.Cluster) {
		return errNoQuorum
	}
	return nil
}

var errNoQuorum = errors.New("too few of its servers are available to confirm them")

// maxPeerSilence is how long ago the leader may have last heard from a replica for it to count as
// present: replicas report once a second.
const maxPeerSilence = 4 * time.Second

// hasQuorum reports whether a majority of a stream's servers is present. A leader that lost its
// majority notices only after about ten seconds.
func hasQuorum(c *api.ClusterInfo) bool {
	if c == nil {
		return true // a single server
	}
	if c.Leader == "" {
		return false
	}
	there := 1
	for _, r := range c.Replicas { // whether up to date or not
		if !r.Offline && r.Active > 0 && r.Active < maxPeerSilence {
			there++
		}
	}
	return 2*there > len(c.Replicas)+1
}

// Close waits for appends in progress. It may be called twice.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.intake.close()
	l.writing.Wait()
	l.cancel()
	l.wg.Wait()
	l.servers.close()
	return nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func clone(b []byte) []byte { return bytes.Clone(b) }
