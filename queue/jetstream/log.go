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

// Log is an open log. Its methods may be called from any goroutine.
type Log struct {
	o       Options
	servers *servers
	ring    *seal.Ring
	codec   *chunk.Codec

	settling sync.Mutex // one settlement at a time
	trimming sync.Mutex // one look at what may go at a time
	reading  sync.Mutex // one Current at a time

	mu                      sync.Mutex
	view                    *view
	closed                  bool
	reused                  bool      // a stream has begun its numbers again: it is proven
	doubted                 time.Time // since when the servers show less than was read
	read                    time.Time // when the last look at all rows began
	epoch                   uint64    // of the last lease that this process had
	refused                 error     // the servers that came back are not set up as they must be
	lostRecords, lostChunks int64
	count                   counters

	blind   atomic.Bool // something is encrypted with a key that is not here: what is behind it is not known
	rekeyed bool        // there are other keys since
	lacked  time.Time   // when it was last said that a key is missing; only follow looks at it
	opened  atomic.Bool
	holder  holder                          // of the lease
	leads   [streams]atomic.Pointer[string] // the servers that lead the streams of events, as last seen
	me      string                          // this process, to the others
	said    atomic.Uint64                   // how much it has told them

	decoded decoded
	intake  intake
	wake    chan struct{} // the streams may have more
	suspect chan struct{} // the streams may be others
	done    chan struct{} // the trimmer has work
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	writes  sync.WaitGroup // the writer
}

// Open connects to the servers, refuses those that would lose what they confirm
// (ErrSetup), makes what is not there, and reads what waits.
func Open(ctx context.Context, o Options) (*Log, error) {
	o = o.withDefaults()
	if err := checkOptions(&o); err != nil {
		return nil, err
	}
	keys, err := seal.NewKeys(o.Key, o.OldKeys...)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{o: o, me: rand.Text(), ring: seal.NewRing(keys), codec: chunk.NewCodec(), wake: make(chan struct{}, 1), suspect: make(chan struct{}, 1), done: make(chan struct{}, 1)}
	l.intake.init()
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if l.servers, err = connect(&o, l.reconnected); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := l.open(ctx); err != nil {
		if no := l.servers.denied.Load(); no != nil && !errors.Is(err, ErrSetup) {
			err = setup("the user of the credentials may not do what is needed (%v): let it publish and subscribe to $JS.API.>, $KV.%s-rows.>, %s.> and _INBOX.>", *no, o.Name, o.Name)
		}
		l.cancel()
		l.servers.close()
		l.wg.Wait()
		return nil, fmt.Errorf("open log: %w", err)
	}
	l.opened.Store(true)
	l.reconnected() //nolint:contextcheck // who came meanwhile; it outlives the call
	l.writes.Go(l.write)
	l.wg.Go(l.follow)
	l.wg.Go(l.trim)
	poke(l.done)
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
	if v.made, err = l.makeStreams(ctx); err != nil {
		return nil, err
	}
	if err := l.readSecret(ctx, v); err != nil {
		return nil, err
	}
	if err := l.readRowsNow(ctx, v); err != nil {
		return nil, err
	}
	if err := l.cutRows(ctx, v); err != nil {
		return nil, err
	}
	if v.lossy {
		l.o.Logger.Error("a stream was made anew, or has lost messages: what waited there is lost, what was settled may be sent again", "code", logs.StreamRemade, "queue", l.o.Name)
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
			e, err := l.entryOf(i, m)
			if e != nil {
				found = append(found, e)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		v.seen[i] = next
	}
	slices.SortStableFunc(found, func(a, b *entry) int { return compare(a.at, b.at) })
	for _, e := range found {
		v.admit(e)
	}
	v.buried()
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

// readSecret reads what ids are keyed with, or makes it: one process does.
func (l *Log) readSecret(ctx context.Context, v *view) error {
	at := l.rowSubject() + "secret"
	for range 3 {
		m, ok, err := l.row(ctx, at)
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
			return fmt.Errorf("make the secret: %w", err)
		}
		if _, err := l.swap(ctx, at, 0, sealed); err != nil && !is(err, errWrongLast) {
			return err
		}
	}
	return setup("the secret of %s can neither be read nor made", l.o.Name)
}

// entryOf reads a chunk; nil is one that cannot be read, which is counted.
func (l *Log) entryOf(i int, m message) (*entry, error) {
	h, err := chunk.DecodeHeader(m.data)
	if err != nil {
		return l.bad(i, m, err)
	}
	ids, payload, err := h.Split(m.data)
	if err != nil {
		return l.bad(i, m, err)
	}
	records, err := l.codec.Decode(l.ring, &h, payload)
	if errors.Is(err, seal.ErrKey) {
		return nil, fmt.Errorf("read chunk: %w", err)
	}
	if err != nil {
		return l.bad(i, m, err)
	}
	e := newEntry(i, m.seq, h.First, len(m.data))
	for k := range records {
		r := &records[k]
		row := ids[k*chunk.IDLen:]
		e.add(ident.Hash(row[:16]), le.Uint64(row[16:]), r.Lanes, r.Body, r.Received.UnixMilli())
	}
	return e, nil
}

func (l *Log) bad(i int, m message, err error) (*entry, error) {
	l.o.Logger.Error("a chunk is damaged and is lost", "code", logs.ChunkLost, "stream", l.eventStream(i), "seq", m.seq, "err", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lostChunks++
	return nil, nil
}

// reconnected looks at a server again that came back, and at what it has.
func (l *Log) reconnected() {
	if !l.opened.Load() {
		return
	}
	poke(l.suspect)
	go func() {
		ctx, cancel := context.WithTimeout(l.ctx, 10*time.Second)
		defer cancel()
		err := l.checkServers(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.refused = nil; errors.Is(err, ErrSetup) {
			l.refused = err
			l.o.Logger.Error("a server came back that would lose events: nothing is taken", "code", logs.ServersUnsafe, "err", err)
		}
	}()
}

// Changed gives a channel that is closed when lane gets a record. The caller asks
// for it before it reads.
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
		if ln.rev == 0 && ln.records == 0 {
			continue
		}
		out = append(out, ln.stat())
	}
	slices.SortFunc(out, func(a, b queue.LaneStat) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Lost is how many records are known to be lost, and chunks of which nobody can say
// how many they held.
func (l *Log) Lost() (records, chunks int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lostRecords, l.lostChunks
}

// CanAppend says whether an event can be stored durably now.
func (l *Log) CanAppend(ctx context.Context) error {
	l.mu.Lock()
	refused, closed := l.refused, l.closed
	full := l.view.bytes >= l.o.MaxSize
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
	said := make(chan error, streams)
	for i := range streams { // at once: one that chooses a leader does not answer
		go func() { said <- l.takes(ctx, i) }()
	}
	var err error
	for range streams {
		if err = <-said; err == nil {
			return nil // the others end with ctx
		}
	}
	return fmt.Errorf("no stream takes events: %w", err)
}

// takes says whether a stream of events takes one. Each is asked over another server: one
// that hangs keeps the stream that it led, and the answer that it carries, but no third.
func (l *Log) takes(ctx context.Context, i int) error {
	endpoint := "STREAM.INFO." + l.eventStream(i)
	c, _ := l.servers.at(i)
	answer, err := c.RequestMsgWithContext(ctx, &nats.Msg{Subject: apiPrefix + endpoint})
	if err != nil {
		return fmt.Errorf("call %s: %w", endpoint, err)
	}
	var info api.StreamInfo
	if err := readAnswer(endpoint, answer, &info); err != nil {
		return err
	}
	if !quorum(info.Cluster) {
		return errNoQuorum
	}
	return nil
}

var errNoQuorum = errors.New("too few servers have copies of it to confirm them")

// heardWithin is how long ago the leader may have heard of a server that has a copy: they
// speak once a second.
const heardWithin = 4 * time.Second

// quorum says whether most servers of a stream are there. One that leads does so for some
// ten seconds longer.
func quorum(c *api.ClusterInfo) bool {
	if c == nil {
		return true // the only server
	}
	if c.Leader == "" {
		return false
	}
	there := 1
	for _, r := range c.Replicas { // behind or not
		if !r.Offline && r.Active > 0 && r.Active < heardWithin {
			there++
		}
	}
	return 2*there > len(c.Replicas)+1
}

// Close waits for the appends under way.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.intake.close()
	l.writes.Wait()
	l.cancel()
	l.wg.Wait()
	l.servers.close()
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func clone(b []byte) []byte { return bytes.Clone(b) }
