package doctor

import (
	"context"
	"net/http"
	"os"
	"time"

	"relay/config"
	"relay/internal/strictyaml"
	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue/jetstream"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "ok"   // looked at and right
	Note Level = "note" // worth knowing, nothing to do
	Warn Level = "warn" // works, but may not tomorrow
	Fail Level = "fail" // does not work
)

// Who must act.
const (
	You       = advice.Operator
	Network   = advice.Network
	MetaAdmin = advice.MetaAdmin
)

// Finding is what one look found.
type Finding struct {
	Check    string `json:"check"` // config, mapping, process, lane, files, disk, watch, network, clock, version, token, event_set, round_trip, hub
	Code     string `json:"code"`  // snake_case, stable
	Level    Level  `json:"level"`
	EventSet string `json:"event_set,omitempty"`
	Text     string `json:"text"`
	Fix      string `json:"fix,omitempty"`
	Who      string `json:"who,omitempty"`
}

// Options say what to look at.
type Options struct {
	Config   *config.Config
	Warnings []strictyaml.Problem // of config and mapping
	Mapping  *mapper.Mapping
	Client   *graph.Client

	// Hub asks the relay that takes what this one forwards; nil: it uploads itself.
	Hub func(context.Context) graph.Result

	// Running says what the admin address answered.
	Running Running

	// Receipts are those kept in the queue's directory.
	Receipts Receipts

	// Servers examines the NATS servers that hold the queue; nil: it lies on this machine.
	Servers func(context.Context) (jetstream.Report, error)

	// TestEventCode, when set, sends one made-up event to each event set.
	TestEventCode string

	// Emit gets each finding as soon as it is made.
	Emit func(Finding)

	Now func() time.Time // default time.Now

	// For tests: where the kernel's numbers are, and how a directory watch is
	// tried.
	proc     string
	watch    func(dir string) error
	uid      func() int
	write    func(dir string) error
	patience time.Duration // with the disk
	// proxyOf is the proxy of the environment, as host:port; "": none.
	proxyOf func(*http.Request) (string, error)
}

// Running is what is known of a relay that runs with this config.
type Running struct {
	Up       bool
	NotReady string // why it is not ready
	Foreign  string // the control socket answers, but not as relay does
	// NotAllowed says why this user may not ask; empty: he may, or nobody answers.
	NotAllowed string
	Full       string // why the queue is full: max_size, disk_full; "": it is not

	HubTook time.Time // when the hub last took something; zero: not since the start, or there is none

	Lanes                   []Lane
	Pending, Unmapped, Dead int64

	// What it has lost since its start, and whether it had to start over.
	Dropped int64 // events, for want of room
	Lost    int64 // events, with damaged files
	Rebuilt bool  // meta.db was lost or damaged at the start
}

// Receipts is what is known of the receipts and of the secret that persons are
// recognised with in them.
type Receipts struct {
	Kept       bool
	Secret     error // why the secret cannot be used: fs.ErrNotExist, or what is wrong with its file
	Unsearched int   // receipts that were fingerprinted with another secret
}

// Result counts findings.
type Result struct{ Fails, Warns int }

// exam is one Run under way.
type exam struct {
	Options
	Result
}

// Run makes every check and returns how many findings are bad.
func Run(ctx context.Context, o Options) Result {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.proc == "" {
		o.proc = "/proc"
	}
	if o.watch == nil {
		o.watch = tryWatch
	}
	if o.patience == 0 {
		o.patience = 10 * time.Second
	}
	if o.write == nil {
		o.write = tryWrite
	}
	if o.uid == nil {
		o.uid = os.Geteuid
	}
	if o.proxyOf == nil {
		o.proxyOf = environmentProxy
	}
	e := &exam{Options: o}
	e.settings()
	e.process() //nolint:contextcheck // binding does not wait
	e.lanes()
	e.files()
	e.certificate()
	if e.Servers != nil {
		e.servers(ctx)
	} else {
		e.disk()
	}
	e.watching()
	if e.Hub != nil {
		e.hub(ctx)
		return e.Result
	}
	usable := e.tokenText()
	if e.network(ctx) && usable {
		e.token(ctx)
	}
	return e.Result
}

func (e *exam) say(f Finding) {
	switch f.Level {
	case Fail:
		e.Fails++
	case Warn:
		e.Warns++
	}
	e.Emit(f)
}

// advised puts into f what is advised: cause, words, what to do and who must.
func advised(f Finding, a advice.Advice) Finding {
	f.Code, f.Text, f.Fix, f.Who = a.Cause, a.What, a.Fix(), a.Who
	return f
}

func label(s rules.Set) string {
	if s.Name != "" && s.Name != s.ID {
		return s.ID + " (" + s.Name + ")"
	}
	return s.ID
}
