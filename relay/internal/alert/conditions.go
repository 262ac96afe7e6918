package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"relay/relay/internal/advice"
)

// The conditions; each is one alert.
const (
	TokenRefused    = "token_refused"        // Meta does not take the access token
	DeliveryStopped = "delivery_stopped"     // an event set waits for a human: rights, settings, refusals
	EventsWaiting   = "events_waiting"       // the oldest event is over an hour old
	DeadGrowing     = "dead_letters_growing" // dead letters were made within the last interval
	IDsRepeat       = "ids_repeat"           // events came under other events' messageIds within the last interval
	DiskNearlyFull  = "disk_nearly_full"     // queue or volume, by hysteresis
	DiskRefuses     = "disk_refuses"         // no event can be stored, and not for want of room
	EventsDropped   = "events_dropped"       // within the last interval, for want of room
	QueueDamaged    = "queue_damaged"        // damage was found within the last interval
	FileRefused     = "mapping_refused"      // mapping or config does not check out
	FilesNotTaken   = "files_not_taken"      // something lies in the directory of dropped files and is not taken
	FilesRefused    = "files_refused"        // dropped files were refused and lie in refused
)

// Bounds of the conditions. Those of the disk come in pairs: a condition ends
// well below where it began.
const (
	oldEvent              = time.Hour
	queueFull, queueEased = 0.90, 0.80
	diskFree, diskEased   = 0.05, 0.10
	growthWindow          = time.Hour
)

// Snapshot is what a look at relay finds.
type Snapshot struct {
	Now     time.Time
	Lanes   []Lane
	Oldest  time.Time // of all waiting events; zero: none wait
	Pending int64
	Dead    int64 // dead letters made since the start; only grows
	DeadNow int64 // dead letters kept

	IDConflicts int64 // events whose messageId was another event's, since the start; only grows

	QueueBytes, QueueMax int64
	DiskFree, DiskSize   int64
	Full                 string // why nothing is accepted
	Refuses              bool   // nothing is accepted, for another reason than that
	Dropped              int64  // events dropped for want of room since the start; only grows
	Damaged, Lost        int64  // since the start: files quarantined and chunks found damaged, events lost with them; only grow
	SetAside             int    // damaged files that lie there now
	Opening              bool   // the queue is being opened: its numbers still grow

	Refused []Refused
	Spool   []Lying // what lies in the directory of dropped files and is not taken

	RefusedFiles int // dropped files that were refused and lie there still
}

// Lying is a kind of them.
type Lying struct {
	What string // in plain words
	Todo string // what helps
}

// Lane is an event set.
type Lane struct {
	ID       string
	State    string // of package drain
	Headline string // the state in plain words
	Todo     string // what must be done about it
	Told     bool   // Todo is about the answer that stopped it, not the state alone

	Pending   int64
	Delivered time.Time // when Meta last took events of it; zero: not since the start
	MetaError string    // the class of the last other answer, if Meta gave it; "": the network, or none
	ErrorAt   time.Time
}

// Refused is a file that was not accepted.
type Refused struct {
	What         string // mapping, config
	File         string
	Line, Column int
}

// finding is a condition that holds.
type finding struct {
	code     string
	severity string
	text     string // plain words
	action   string // what to do, and who
	sets     []string
	count    int64
	lanes    []Lane // those that it stops
}

// judge says which conditions hold. held are those that held at the last look.
func (w *Watch) judge(s Snapshot, held map[string]bool) []finding {
	var out []finding
	if f, ok := tokenRefused(s); ok {
		out = append(out, f)
	}
	if f, ok := stopped(s); ok {
		out = append(out, f)
	}
	if age := s.Now.Sub(s.Oldest); !s.Oldest.IsZero() && s.Pending > 0 && age > oldEvent {
		out = append(out, finding{
			code: EventsWaiting, severity: "warning", count: s.Pending,
			text:   fmt.Sprintf("The oldest of %d waiting events came in %s ago.", s.Pending, advice.About(age)),
			action: "Events are kept. Run `relay status` at the machine: it says what each event set waits for.",
		})
	}
	if n := w.growth.since(s.Now, s.Dead); n > 0 {
		out = append(out, finding{
			code: DeadGrowing, severity: "warning", count: n,
			text:   fmt.Sprintf("%d dead letters were made within the last hour; %d are kept.", n, s.DeadNow),
			action: "Run `relay dead list`: it gives the reason of each. Correct the mapping, then `relay dead retry`.",
		})
	}
	if n := w.conflicts.since(s.Now, s.IDConflicts); n > 0 {
		out = append(out, finding{
			code: IDsRepeat, severity: "critical", count: n,
			text:   advice.IDConflicts(n, "within the last hour"),
			action: advice.FixIDConflicts,
		})
	}
	if f, ok := diskFull(s, held[DiskNearlyFull]); ok {
		out = append(out, f)
	}
	if s.Refuses {
		out = append(out, finding{
			code: DiskRefuses, severity: "critical",
			text:   "The disk of the queue refuses writes: new events are answered 503, and their senders try again.",
			action: "Run `relay doctor` at the machine, and look at the kernel's log and the health of the disk. relay resumes by itself when the disk works again.",
		})
	}
	if n := w.drops.since(s.Now, s.Dropped); n > 0 {
		out = append(out, finding{
			code: EventsDropped, severity: "critical", count: n,
			text:   fmt.Sprintf("The queue was full, and %d events were dropped within the last hour.", n),
			action: "See why events are not delivered (`relay status`), or raise queue.max_size.",
		})
	}
	if n := w.damage.since(s.Now, s.Damaged); n > 0 {
		out = append(out, damaged(s))
	}
	if f, ok := refused(s); ok {
		out = append(out, f)
	}
	if f, ok := notTaken(s); ok {
		out = append(out, f)
	}
	if n := s.RefusedFiles; n > 0 {
		what, todo := advice.FilesRefused(n)
		out = append(out, finding{
			code: FilesRefused, severity: "warning", count: int64(n),
			text:   "Sales in dropped files are not stored, or not all of them: " + what + ".",
			action: upper(todo) + ".",
		})
	}
	return out
}

func notTaken(s Snapshot) (finding, bool) {
	if len(s.Spool) == 0 {
		return finding{}, false
	}
	var what []string
	for _, l := range s.Spool {
		what = append(what, l.What)
	}
	f := finding{
		code: FilesNotTaken, severity: "warning", count: int64(len(s.Spool)),
		text:   "Dropped files are not taken, their sales are not stored: " + strings.Join(what, "; ") + ".",
		action: upper(s.Spool[0].Todo) + ".",
	}
	if len(s.Spool) > 1 {
		f.action = "Run `relay status` at the machine: it says what helps with each."
	}
	return f, true
}

// upper begins a sentence.
func upper(s string) string {
	if s == "" || strings.HasPrefix(s, "relay") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func damaged(s Snapshot) finding {
	f := finding{
		code: QueueDamaged, severity: "critical", count: s.Lost,
		text:   fmt.Sprintf("The queue is damaged; %d events were lost with it, as far as known. All others are kept.", s.Lost),
		action: "Look at the kernel's log and the health of the disk, and replace it.",
	}
	if s.SetAside > 0 {
		f.action += " Keep the .bad files in the queue's directory for support."
	}
	return f
}

func tokenRefused(s Snapshot) (finding, bool) {
	lanes := inState(s, "paused_token")
	if len(lanes) == 0 {
		return finding{}, false
	}
	return standsStill(s, TokenRefused, lanes), true
}

func stopped(s Snapshot) (finding, bool) {
	lanes := inState(s, "paused_permission", "paused_config", "breaker", "dead_letters_full", "storage")
	if len(lanes) == 0 {
		return finding{}, false
	}
	return standsStill(s, DeliveryStopped, lanes), true
}

// standsStill says of lanes what keeps them, and what must be done.
func standsStill(s Snapshot, code string, lanes []Lane) finding {
	var sets, words, todo []string
	told := make(map[string]bool) // states of which an answer says what to do
	for _, l := range lanes {
		sets = append(sets, l.ID)
		if !slices.Contains(words, l.Headline) {
			words = append(words, l.Headline)
		}
		told[l.State] = told[l.State] || l.Told
	}
	for _, l := range lanes {
		if l.Told == told[l.State] && !slices.Contains(todo, l.Todo) {
			todo = append(todo, l.Todo)
		}
	}
	if len(todo) > 1 {
		todo = []string{"Run `relay status` at the machine: it says what must be done, and by whom. Events are kept."}
	}
	return finding{
		code: code, severity: "critical", sets: sets, count: s.Pending, action: todo[0], lanes: lanes,
		text: fmt.Sprintf("Nothing is uploaded to %s: %s. %d events wait.", places(sets), strings.Join(words, "; "), s.Pending),
	}
}

func diskFull(s Snapshot, held bool) (finding, bool) {
	most, least := queueFull, diskFree
	if held {
		most, least = queueEased, diskEased
	}
	f := finding{
		code: DiskNearlyFull, severity: "critical", count: s.QueueBytes,
		action: "Free space on the volume, raise queue.max_size, or see why events are not delivered (`relay status`).",
	}
	switch {
	case s.Full != "":
		f.text = "The queue is full: new events are refused (" + strings.ReplaceAll(s.Full, "_", " ") + ")."
	case s.QueueMax > 0 && float64(s.QueueBytes) > most*float64(s.QueueMax):
		f.text = fmt.Sprintf("The queue uses %d %% of its %s.", 100*s.QueueBytes/s.QueueMax, advice.Size(s.QueueMax))
	case s.DiskSize > 0 && float64(s.DiskFree) < least*float64(s.DiskSize):
		f.text = fmt.Sprintf("The volume of the queue has %s of %s left.", advice.Size(s.DiskFree), advice.Size(s.DiskSize))
	default:
		return finding{}, false
	}
	return f, true
}

func refused(s Snapshot) (finding, bool) {
	if len(s.Refused) == 0 {
		return finding{}, false
	}
	var where []string
	for _, r := range s.Refused {
		w := r.File
		if r.Line > 0 {
			w = fmt.Sprintf("%s:%d:%d", r.File, r.Line, r.Column)
		} else {
			w += " (cannot be read)"
		}
		where = append(where, r.What+" "+w)
	}
	return finding{
		code: FileRefused, severity: "warning", count: int64(len(where)),
		text:   "A changed file does not check out and was refused; the one before stays in force: " + strings.Join(where, ", ") + ".",
		action: "Run `relay check` at the machine, correct the file and save it.",
	}, true
}

func inState(s Snapshot, states ...string) (lanes []Lane) {
	for _, l := range s.Lanes {
		if slices.Contains(states, l.State) {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

func places(sets []string) string {
	if len(sets) > 3 {
		return fmt.Sprintf("%d event sets", len(sets))
	}
	if len(sets) == 1 {
		return "event set " + sets[0]
	}
	return "event sets " + strings.Join(sets, ", ")
}

// growth remembers a counter over the window.
type growth struct {
	began time.Time // since when it is watched
	seen  []point
}

type point struct {
	at time.Time
	n  int64
}

// since notes n and returns how much it grew within the window.
func (g *growth) since(now time.Time, n int64) int64 {
	if k := len(g.seen); k == 0 || now.Before(g.seen[k-1].at) || n < g.seen[k-1].n {
		g.began, g.seen = now, []point{{now, n}} // the first look, or a clock that was set back
	}
	// The oldest point kept is the last one before the window began; points
	// are at least a minute apart, so that an hour of them is a handful.
	for len(g.seen) > 1 && now.Sub(g.seen[1].at) >= growthWindow {
		g.seen = g.seen[1:]
	}
	if last := g.seen[len(g.seen)-1]; n != last.n && now.Sub(last.at) >= time.Minute {
		g.seen = append(g.seen, point{now, n})
	}
	return n - g.seen[0].n
}
