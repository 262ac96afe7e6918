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

// Level is the severity of a finding.
type Level string

// The levels.
const (
	OK   Level = "ok"   // checked and right
	Note Level = "note" // worth knowing, nothing to do
	Warn Level = "warn" // works, but might stop working
	Fail Level = "fail" // does not work
)

// Who has to act.
const (
	You       = advice.Operator
	Network   = advice.Network
	MetaAdmin = advice.MetaAdmin
)

// Finding is the result of one check.
type Finding struct {
	Check    string `json:"check"` // config, mapping, process, lane, files, disk, watch, network, clock, version, token, event_set, round_trip, hub
	Code     string `json:"code"`  // snake_case, stable
	Level    Level  `json:"level"`
	EventSet string `json:"event_set,omitempty"`
	Text     string `json:"text"`
	Fix      string `json:"fix,omitempty"`
	Who      string `json:"who,omitempty"`
}

// Options say what to check.
type Options struct {
	Config   *config.Config
	Warnings []strictyaml.Problem // of config and mapping
	Mapping  *mapper.Mapping
	Client   *graph.Client

	// Hub probes the hub that this relay forwards to; nil: this relay uploads to Meta.
	Hub func(context.Context) graph.Result

	// Running is the state of the running relay.
	Running Running

	// Receipts is the state of the receipts in the queue directory.
	Receipts Receipts

	// Servers examines the NATS servers of the queue; nil: the queue is on this machine.
	Servers func(context.Context) (jetstream.Report, error)

	// TestEventCode, if set, makes doctor send one made-up event to each event set.
	TestEventCode string

	// Emit receives each finding as soon as it is known.
	Emit func(Finding)

	Now func() time.Time // default time.Now

	// Replaced by tests.
	proc     string // where /proc is
	watch    func(dir string) error
	uid      func() int
	write    func(dir string) error
	patience time.Duration                       // how long the disk may take
	proxyOf  func(*http.Request) (string, error) // the environment's proxy as host:port; "": none
}

// Running is the state of a relay that runs with this config.
type Running struct {
	Up         bool
	NotReady   string // why it is not ready; "": it is
	Foreign    string // how the control socket answered, if not as relay does
	NotAllowed string // why this user is not allowed to connect; "": allowed, or not running
	Full       string // why the queue is full: max_size, disk_full; "": it is not

	HubTook time.Time // when the hub last accepted events; zero: not since the start, or no hub

	Lanes                   []Lane
	Pending, Unmapped, Dead int64

	// Losses since the start.
	Dropped int64 // events dropped from a full queue
	Lost    int64 // events lost in damaged files
	Rebuilt bool  // meta.db was lost or damaged at the start
}

// Receipts is the state of the receipts and of the secret that their fingerprints are
// made with.
type Receipts struct {
	Kept       bool
	Secret     error // why the secret cannot be used: fs.ErrNotExist or a problem of its file
	Unsearched int   // receipts with fingerprints of another secret
}

// Result counts findings.
type Result struct{ Fails, Warns int }

// exam is the state of one Run.
type exam struct {
	Options
	Result
}

// Run makes every check and returns how many failed or warned.
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
	e.process() //nolint:contextcheck // binding an address does not block
	e.lanes()
	e.files()
	e.certificate()
	if e.Servers != nil {
		e.servers(ctx)
	} else {
		e.disk()
	}
	e.fileChanges()
	if e.Hub != nil {
		e.hub(ctx)
		return e.Result
	}
	wellFormed := e.tokenText()
	if e.network(ctx) && wellFormed {
		e.token(ctx)
	}
	return e.Result
}

func (e *exam) report(f Finding) {
	switch f.Level {
	case Fail:
		e.Fails++
	case Warn:
		e.Warns++
	}
	if e.Running.Up {
		f.Fix = advice.WithRestart(f.Fix)
	}
	e.Emit(f)
}

// advised copies the advice into f: cause, text, fix and who has to act.
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
