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
	TokenRefused    = "token_refused"        // Meta refuses the access token
	DeliveryStopped = "delivery_stopped"     // an event set needs a person: permission, settings, refused events
	EventsWaiting   = "events_waiting"       // the oldest event is over an hour old
	DeadGrowing     = "dead_letters_growing" // new dead letters in the last hour
	IDsRepeat       = "ids_repeat"           // events with other events' messageIds in the last hour
	DiskNearlyFull  = "disk_nearly_full"     // the queue or its volume is almost full
	DiskRefuses     = "disk_refuses"         // the storage refuses events, and not because it is full
	EventsDropped   = "events_dropped"       // events dropped from a full queue in the last hour
	QueueDamaged    = "queue_damaged"        // damage found in the last hour
	FileRefused     = "mapping_refused"      // mapping or config is invalid
	FilesNotTaken   = "files_not_taken"      // a file in the spool directory is not imported
	FilesRefused    = "files_refused"        // the spool directory contains refused files
)

// Limits of the conditions. Those of the disk come in pairs: the second one, at which
// the condition ends, keeps it from flapping.
const (
	oldEvent              = time.Hour
	queueFull, queueEased = 0.90, 0.80
	diskFree, diskEased   = 0.05, 0.10
	growthWindow          = time.Hour
)

// Snapshot is the state of relay at one look. Counters since the start never decrease.
type Snapshot struct {
	Now     time.Time
	Lanes   []Lane
	Oldest  time.Time // receipt of the oldest waiting event; zero: none wait
	Pending int64
	Dead    int64 // dead letters made since the start
	DeadNow int64 // dead letters kept

	IDConflicts int64 // events with another event's messageId since the start

	QueueBytes, QueueMax int64 // bytes
	DiskFree, DiskSize   int64 // bytes
	OnServers            bool  // the queue is on NATS servers, not on a disk of this machine

	Full          string // why the queue is full: max_size, disk_full …; "": it is not
	Refuses       bool   // events cannot be stored for another reason
	Dropped       int64  // events dropped from a full queue since the start
	Damaged, Lost int64  // since the start: damaged chunks and quarantined files, and the events lost in them
	Quarantined   int    // damaged files that are there now
	Opening       bool   // the queue is still being opened, so its numbers are not complete

	Refused []Refused
	Spool   []SpoolProblem

	RefusedFiles int // spool files that were refused and are still there
}

// SpoolProblem is a kind of file in the spool directory that is not imported.
type SpoolProblem struct {
	What string // a clause for people
	Todo string // the fix
}

// Lane is an event set.
type Lane struct {
	ID       string
	State    string // of package drain
	Headline string // the state in words
	Todo     string // the fix
	Told     bool   // Todo is for the answer that stopped the lane, not only for the state

	Pending   int64
	Delivered time.Time // when Meta last accepted events; zero: not since the start
	MetaError string    // class of Meta's last error answer; "": none, or the error was not Meta's
	ErrorAt   time.Time
}

// Refused is a file that relay refused to load.
type Refused struct {
	What         string // mapping, config
	File         string
	Line, Column int
}

// finding is a condition that currently holds.
type finding struct {
	code     string
	severity string
	text     string // what is wrong, for people
	action   string // what to do, and who has to
	sets     []string
	count    int64
	lanes    []Lane // stopped lanes
}

// judge returns the conditions that hold. held are those that held at the previous look.
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
			text:   fmt.Sprintf("The oldest of %d waiting events was received %s ago.", s.Pending, advice.About(age)),
			action: "No event is lost. Run `relay status` on this machine to see what each event set is waiting for.",
		})
	}
	if n := w.growth.since(s.Now, s.Dead); n > 0 {
		out = append(out, finding{
			code: DeadGrowing, severity: "warning", count: n,
			text:   fmt.Sprintf("%d new dead letters in the last hour; %d are kept in total.", n, s.DeadNow),
			action: "Run `relay dead list` to see the reasons. Correct the mapping, then run `relay dead retry`.",
		})
	}
	if n := w.conflicts.since(s.Now, s.IDConflicts); n > 0 {
		out = append(out, finding{
			code: IDsRepeat, severity: "critical", count: n,
			text:   advice.IDConflicts(n, "in the last hour"),
			action: advice.FixIDConflicts,
		})
	}
	if f, ok := diskFull(s, held[DiskNearlyFull]); ok {
		out = append(out, f)
	}
	if s.Refuses {
		out = append(out, refusesWrites(s))
	}
	if n := w.drops.since(s.Now, s.Dropped); n > 0 {
		out = append(out, finding{
			code: EventsDropped, severity: "critical", count: n,
			text:   fmt.Sprintf("The queue was full, and relay dropped %d events in the last hour.", n),
			action: "Run `relay status` to see why events are not delivered, or raise queue.max_size.",
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
			text:   "Some or all sales in spool files were not stored: " + what + ".",
			action: upper(todo) + ".",
		})
	}
	return out
}

func refusesWrites(s Snapshot) finding {
	f := finding{
		code: DiskRefuses, severity: "critical",
		text:   "The disk of the queue refuses writes. New events are answered 503, so that their senders retry them.",
		action: "Run `relay doctor` on this machine, and check the kernel log and the health of the disk. relay resumes by itself when the disk works again.",
	}
	if s.OnServers {
		f.text = "The NATS servers of the queue store nothing. New events are answered 503, so that their senders retry them."
		f.action = "Run `relay doctor` on this machine, and check that a majority of the servers is running and reachable. relay resumes by itself when they store again."
	}
	return f
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
		text:   "Some spool files are not imported, so their sales are not stored: " + strings.Join(what, "; ") + ".",
		action: upper(s.Spool[0].Todo) + ".",
	}
	if len(s.Spool) > 1 {
		f.action = "Run `relay status` on this machine to see the fix for each."
	}
	return f, true
}

// upper capitalizes s as the beginning of a sentence, unless it begins with "relay".
func upper(s string) string {
	if s == "" || strings.HasPrefix(s, "relay") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func damaged(s Snapshot) finding {
	f := finding{
		code: QueueDamaged, severity: "critical", count: s.Lost,
		text:   fmt.Sprintf("The queue is damaged; at least %d events were lost. All others are kept.", s.Lost),
		action: "Check the kernel log and the health of the disk, and replace it if it fails.",
	}
	if s.Quarantined > 0 {
		f.action += " Keep the .bad files in the queue directory for support."
	}
	return f
}

func tokenRefused(s Snapshot) (finding, bool) {
	lanes := inState(s, "paused_token")
	if len(lanes) == 0 {
		return finding{}, false
	}
	return stoppedLanes(s, TokenRefused, lanes), true
}

func stopped(s Snapshot) (finding, bool) {
	lanes := inState(s, "paused_permission", "paused_config", "breaker", "dead_letters_full", "storage")
	if len(lanes) == 0 {
		return finding{}, false
	}
	return stoppedLanes(s, DeliveryStopped, lanes), true
}

// stoppedLanes is the finding about lanes that need a person, with the reason and the fix.
func stoppedLanes(s Snapshot, code string, lanes []Lane) finding {
	var sets, words, todo []string
	told := make(map[string]bool) // states for which a lane's answer names the fix
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
		todo = []string{"Run `relay status` on this machine to see what to do, and who has to. No event is lost."}
	}
	return finding{
		code: code, severity: "critical", sets: sets, count: s.Pending, action: todo[0], lanes: lanes,
		text: fmt.Sprintf("Nothing is uploaded to %s: %s. %d events are waiting.", places(sets), strings.Join(words, "; "), s.Pending),
	}
}

func diskFull(s Snapshot, held bool) (finding, bool) {
	most, least := queueFull, diskFree
	if held {
		most, least = queueEased, diskEased
	}
	f := finding{
		code: DiskNearlyFull, severity: "critical", count: s.QueueBytes,
		action: "Free space on the volume, raise queue.max_size, or run `relay status` to see why events are not delivered.",
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
		text:   "A changed file is invalid and was refused; the previous version stays in use: " + strings.Join(where, ", ") + ".",
		action: "Run `relay check` on this machine, correct the file and save it.",
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

// growth measures how much a counter grew in the last growthWindow.
type growth struct {
	began time.Time // of the measurements
	seen  []point
}

type point struct {
	at time.Time
	n  int64
}

// since records n and returns its growth in the window.
func (g *growth) since(now time.Time, n int64) int64 {
	if k := len(g.seen); k == 0 || now.Before(g.seen[k-1].at) || n < g.seen[k-1].n {
		g.began, g.seen = now, []point{{now, n}} // the first look, a clock set back or a counter that restarted
	}
	// The oldest point kept is the last one before the window. Points are at least a
	// minute apart, which bounds their number.
	for len(g.seen) > 1 && now.Sub(g.seen[1].at) >= growthWindow {
		g.seen = g.seen[1:]
	}
	if last := g.seen[len(g.seen)-1]; n != last.n && now.Sub(last.at) >= time.Minute {
		g.seen = append(g.seen, point{now, n})
	}
	return n - g.seen[0].n
}
