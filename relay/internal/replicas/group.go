package replicas

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/metrics"
)

// Bus transports broadcasts and orders between relays. *jetstream.Queue implements it.
type Bus interface {
	ProcessID() string
	Broadcast(what string, data []byte) error
	Subscribe(what string, fn func(by string, data []byte)) error
	Order(ctx context.Context, to string, data []byte) ([]byte, error)
	Serve(to string, ready func() bool, do func(ctx context.Context, data []byte) []byte) (stop func(), err error)
}

// Options configures a Group. Every field except Logger must be set.
type Options struct {
	Bus      Bus
	Name     string             // of this relay, for people
	Delivers func() bool        // whether it has the lease
	Self     func() Beat        // its state; the group sets Name, Delivers, Watched and Gone
	Tail     *metrics.Tail      // of its outcomes
	Logger   *slog.Logger       // default: discards
	Errors   func(error) Failed // what an error of Bus.Order means
}

// Beat is the state that a relay broadcasts.
type Beat struct {
	Name     string
	Delivers bool
	Gone     bool // it stops
	Watched  bool // it has a watcher of outcomes
	Version  string
	Mapping  string // digest of its current mapping
	Stored   int64  // events since its start
	Coming   string // sentence about events that it has and has not stored yet

	Lanes     []drain.LaneStatus // of the one that delivers
	Totals    api.Totals         // the same
	Coverage  []api.Coverage     // the same
	ClockSkew float64            // the same
}

const (
	beatEvery = 2 * time.Second
	beatOld   = 4 * beatEvery // an older state is not shown as current
	gone      = time.Minute   // a relay without a beat for so long is removed
)

// Group is the set of relays of one queue, as this relay sees it.
type Group struct {
	o Options

	mu      sync.Mutex
	others  map[string]*other // by Bus.ProcessID
	stored  int64             // events that others have stored since New
	sharing *metrics.Watcher  // of own outcomes, while another relay has a watcher
	stopped bool              // this relay has broadcast that it stops
}

type other struct {
	id   string
	beat Beat
	at   time.Time
}

// New makes a Group that receives the beats of the others from now on. Run broadcasts those
// of this relay.
func New(o Options) (*Group, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Group{o: o, others: make(map[string]*other)}
	if err := o.Bus.Subscribe("beat", g.receiveBeat); err != nil {
		return nil, err //nolint:wrapcheck // says what it was about
	}
	if err := o.Bus.Subscribe("tail", g.receiveTail); err != nil {
		return nil, err //nolint:wrapcheck // says what it was about
	}
	return g, nil
}

// receiveBeat handles the beat of another relay.
func (g *Group) receiveBeat(by string, data []byte) {
	var b Beat
	if json.Unmarshal(data, &b) != nil {
		return // from another version
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.Gone {
		delete(g.others, by)
		return
	}
	if was := g.others[by]; was != nil && b.Stored > was.beat.Stored {
		g.stored += b.Stored - was.beat.Stored
	}
	for id, o := range g.others { // a killed relay that was started again
		if id != by && o.beat.Name == b.Name && time.Since(o.at) > 2*beatEvery {
			delete(g.others, id)
		}
	}
	g.others[by] = &other{by, b, time.Now()}
}

// Run broadcasts this relay's state until ctx ends.
func (g *Group) Run(ctx context.Context) error {
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	var sharing sync.WaitGroup
	defer sharing.Wait()
	for {
		g.beat(false)
		g.share(ctx, &sharing)
		select {
		case <-ctx.Done():
			g.beat(true)
			return nil
		case <-t.C:
		}
	}
}

// Beat broadcasts now. It is called when the relay that delivers has changed.
func (g *Group) Beat() { g.beat(false) }

func (g *Group) beat(gone bool) {
	g.mu.Lock()
	stopped := g.stopped
	g.stopped = stopped || gone
	g.mu.Unlock()
	if stopped {
		return
	}
	b := g.o.Self()
	b.Name, b.Delivers, b.Watched, b.Gone = g.o.Name, g.o.Delivers(), g.o.Tail.WatchedHere(), gone
	if !b.Delivers {
		b.Lanes, b.Totals, b.Coverage, b.ClockSkew = nil, api.Totals{}, nil, 0
	}
	data, err := json.Marshal(b)
	if err == nil {
		err = g.o.Bus.Broadcast("beat", data)
	}
	if err != nil {
		g.o.Logger.Debug("cannot broadcast the state of this relay to the others", "code", logs.ServersSlow, "err", err)
	}
}

// known returns the others with a recent beat. The caller holds g.mu.
func (g *Group) known() (out []*other) {
	for id, o := range g.others {
		if time.Since(o.at) > gone {
			delete(g.others, id)
			continue
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b *other) int { return cmp.Or(cmp.Compare(a.beat.Name, b.beat.Name), cmp.Compare(a.id, b.id)) })
	return out
}

// Relays returns all relays of the queue, this one first.
func (g *Group) Relays() []api.Relay {
	self := g.o.Self()
	out := []api.Relay{{Name: g.o.Name, Here: true, Delivers: g.o.Delivers(), Version: self.Version, Mapping: self.Mapping, Stored: self.Stored}}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.known() {
		age := time.Since(o.at)
		out = append(out, api.Relay{
			Name: o.beat.Name, Delivers: o.beat.Delivers && age < beatOld && !out[0].Delivers, Version: o.beat.Version, Mapping: o.beat.Mapping,
			Stored: o.beat.Stored, SeenSeconds: age.Seconds(),
		})
	}
	return out
}

// Delivering returns the state of the relay that delivers, if that is another one and its
// beat is recent.
func (g *Group) Delivering() (Beat, bool) {
	if g.o.Delivers() {
		return Beat{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var last *other
	for _, o := range g.known() {
		if o.beat.Delivers && time.Since(o.at) < beatOld && (last == nil || o.at.After(last.at)) {
			last = o
		}
	}
	if last == nil {
		return Beat{}, false
	}
	return last.beat, true
}

// Stored returns how many events the others have stored since New.
func (g *Group) Stored() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stored
}

// Coming returns a sentence for each other relay that has events it has not stored yet.
func (g *Group) Coming() (out []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.known() {
		if o.beat.Coming != "" && time.Since(o.at) < beatOld {
			out = append(out, "at "+o.beat.Name+": "+o.beat.Coming)
		}
	}
	return out
}
