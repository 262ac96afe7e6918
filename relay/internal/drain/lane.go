package drain

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/pace"
	"relay/relay/internal/graph"
)

// lane drains one event set. Everything below mu is for others to look at;
// the rest belongs to the lane's goroutine.
type lane struct {
	s    *Supervisor
	name string
	log  *slog.Logger
	kick chan struct{} // room for one

	cancel context.CancelFunc
	ended  chan struct{} // closed when run has returned

	st            durable
	dirty         bool              // st differs from what is stored
	pend          queue.Settlement  // decided, not stored yet
	stuck         *queue.Settlement // offered to the queue, not taken yet
	revision      queue.Revision    // of the lane, as it was settled last
	work          *batch.Batch
	cur           *attempt          // the request at hand; kept while its fate is open
	pre           chan *batch.Batch // the batch behind work, being made
	preFrom, last queue.Seq         // where pre was read from; where the last finished batch ended
	preVoid       uint64            // queue.LaneStat.Void by then
	position      queue.Seq         // where the next batch begins; 0: with the first record that waits, nothing decided is unstored
	decided       bool              // some of work is, and not in pend
	idle          bool              // the last request did not get there, or the token was refused: no search is under way
	shelved       bool              // nothing is read until something may be sent
	passed        bool              // what the mapping holds is passed over (held.go)
	heldBack      int               // conversions in a row that the mapping let not pass
	unstored      bool              // what is decided must be stored before anything is read
	fit           pace.Fit          // of requests to the line
	large         large             // what the hub takes in no chunk (forward.go)
	gather        time.Time         // when waiting for a fuller batch began

	pause     State // PausedPermission, PausedConfig, BreakerOpen, or ""
	alone     bool  // the pause is tried with a single event
	probeAt   time.Time
	notBefore time.Time
	waitFor   State // what notBefore is: WaitingRetry or Throttled
	paceUntil time.Time
	pace      pace.Pacer
	search    search    // for events that may be to blame (suspect.go)
	steady    int       // successes in a row since the last failure
	acct      *account  // the token's; looked up anew each time around
	flushed   time.Time // the last settlement
	badDisk   int       // settlements in a row that failed
	settleErr error     // the last of them
	badRead   int       // reads in a row that failed
	dry       dryRun    // position of a dry run
	announced bool      // said in the log that uploads begin
	warned    string    // Meta's last warning
	tags      tagCount
	problem   *Problem  // the last answer that was none of success
	lastNoise time.Time // last log line about a failure that goes on

	mu      sync.Mutex
	reasons Reason
	manual  *bool // an operator's wish, not stored yet
	shown   LaneStatus
}

// Reason says why the lanes are woken.
type Reason uint

// The reasons, as bits.
const (
	Changed  Reason = 1 << iota // settings: look again
	NewToken                    // the access token is another one
	NewMapping
	Reload // SIGHUP, or a reload by hand: try what is paused
	Admin  // an operator's resume: try at once, whatever the backoff
	Forget // records were taken out of the queue: read them anew
)

func (l *lane) wake(r Reason) {
	l.mu.Lock()
	l.reasons |= r
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// run drains until ctx ends.
func (l *lane) run(ctx context.Context) {
	defer l.dropPrefetch()
	for ctx.Err() == nil {
		l.heed()
		if state, ok := l.mayWork(); !ok {
			l.dropPrefetch()
			l.show(state, time.Time{})
			l.sleep(ctx, -1, nil)
			continue
		}
		if l.settings().DryRun {
			l.dropPrefetch()
			l.dryRun(ctx)
			continue
		}
		if l.shelved {
			if state, until, ok := l.mayTry(); !ok {
				l.show(state, until)
				l.sleep(ctx, wallWait(until), nil)
				continue
			}
			l.shelved = false
		}
		if l.work == nil && !l.fetch(ctx) {
			continue
		}
		l.refresh()
		if !l.pick() {
			if l.lettersOfMapping() {
				l.passOver()
				continue
			}
			l.finish(ctx)
			continue
		}
		if l.s.forgets.Load() > 0 {
			l.sleep(ctx, forgetPoll, nil)
			continue
		}
		if state, until, ok := l.maySend(); !ok {
			l.shelve(until)
			l.show(state, until)
			l.sleep(ctx, wallWait(until), nil)
			continue
		}
		if !l.limit(ctx) {
			continue
		}
		l.send(ctx)
	}
	l.flush()
}

// heed takes in what others want of the lane.
func (l *lane) heed() {
	l.mu.Lock()
	r, manual := l.reasons, l.manual
	l.reasons, l.manual = 0, nil
	l.mu.Unlock()
	if manual != nil && *manual != l.st.Manual {
		l.st.Manual, l.dirty = *manual, true
		if *manual {
			l.log.Info("lane paused by an operator", "code", logs.LanePaused)
		} else {
			l.log.Info("lane resumed by an operator", "code", logs.LaneResumed)
		}
	}
	if r&(NewToken|NewMapping|Reload|Admin) != 0 && l.pause != "" {
		l.probeAt = time.Time{}
		if l.pause == BreakerOpen && r&(NewMapping|Admin) != 0 {
			l.closeBreaker()
		}
	}
	if l.passed && r&(NewMapping|Admin) != 0 {
		if r&Admin != 0 { // let them become letters
			l.st.Mapping, l.dirty = l.s.o.Mapping().Digest(), true
		}
		l.lookAgain()
	}
	if r&Admin != 0 && l.waitFor == WaitingRetry {
		l.notBefore = time.Time{}
	}
	if r&Forget != 0 {
		l.reread()
		l.dropLetters()
	}
}

// mayWork says whether the lane may read and map at all.
func (l *lane) mayWork() (State, bool) {
	switch {
	case l.st.Manual:
		return ManuallyPaused, false
	case l.s.o.Mapping() == nil:
		return NoMapping, false
	case l.s.retired(l.name):
		return Retired, false
	}
	if l.acct = l.s.account(l.name); l.acct == nil && !l.settings().DryRun {
		return NoToken, false
	}
	return "", true
}

// maySend says whether the request at hand may go out now.
func (l *lane) maySend() (State, time.Time, bool) {
	state, until, ok := l.mayTry()
	if ok && l.pause != "" && l.alone && !l.cur.probe && len(l.cur.open) > 1 {
		l.pickProbe()
	}
	return state, until, ok
}

// shelve lets go of a batch that waits for the line or the token: a shop may have a
// hundred event sets, and each batch takes megabytes. What is in doubt is made again
// from its note.
func (l *lane) shelve(until time.Time) {
	const worth = 2 * time.Second
	if l.idle && !l.search.on && (until.IsZero() || time.Until(until) > worth) {
		l.reread()
		l.shelved = true
	}
}

// mayTry says whether a request may go out now.
func (l *lane) mayTry() (State, time.Time, bool) {
	now := time.Now()
	if l.settings().RequestsPerSecond <= 0 {
		return RateLimited, time.Time{}, false
	}
	if now.Before(l.notBefore) {
		return l.waitFor, l.notBefore, false
	}
	if l.pause != "" && now.Before(l.probeAt) {
		return l.pause, l.probeAt, false
	}
	if wait := l.acct.gate(); wait > 0 {
		return PausedToken, now.Add(wait), false
	}
	if now.Before(l.paceUntil) {
		return RateLimited, l.paceUntil, false
	}
	return "", time.Time{}, true
}

// limit waits for the token's limiter; false: something else came first.
func (l *lane) limit(ctx context.Context) bool {
	r, wait := l.acct.reserve()
	if wait <= 0 {
		return true
	}
	began := time.Now()
	l.show(RateLimited, began.Add(wait))
	woken := l.sleep(ctx, wait, nil)
	l.s.o.Metrics.LimitWait(l.name, time.Since(began))
	if woken {
		r.Cancel()
		return false
	}
	return true
}

// fetch gets the next batch, waiting for one; false: look at the gates again.
func (l *lane) fetch(ctx context.Context) bool {
	if l.unstored {
		if !l.flush() {
			l.sleep(ctx, 0, nil)
			return false
		}
		l.unstored, l.position = false, 0
	}
	if !l.knowTime(ctx) {
		return false
	}
	set := l.settings()
	if len(l.st.Notes) > 0 {
		if l.position != 0 { // what was decided is not stored yet
			l.unstored = true
			return false
		}
		return l.restore(ctx)
	}
	if b := l.takePrefetch(ctx); b != nil {
		l.work = b
		return true
	}
	changed := l.s.o.Log.Changed()
	if l.search.reach > 0 {
		set.MaxEvents, set.MaxBytes = set.MaxEvents+l.search.reach, 1<<62
	}
	found, err := l.s.o.Log.Read(l.name, l.position, set.MaxEvents, set.MaxBytes)
	if err != nil {
		l.storage(ctx, "read", err)
		return false
	}
	l.badRead = 0
	if len(found.Records) == 0 && l.passed {
		l.show(BreakerOpen, time.Time{})
		l.sleep(ctx, -1, changed)
		return false
	}
	if len(found.Records) == 0 && l.position != 0 {
		// The position may lie behind the end of the log: look again from the first.
		l.sleep(ctx, 0, nil)
		return false
	}
	if len(found.Records) == 0 {
		l.gather = time.Time{}
		l.show(Idle, time.Time{})
		if !l.sleep(ctx, -1, changed) {
			l.sleep(ctx, min(set.MaxWait, 20*time.Millisecond), nil) // one wake for many appends
		}
		return false
	}
	if !full(found, set) && set.MaxWait > 0 {
		if l.gather.IsZero() {
			l.gather = time.Now()
		}
		if wait := set.MaxWait - time.Since(l.gather); wait > 0 {
			l.sleep(ctx, min(wait, 100*time.Millisecond), nil)
			if st, ok := l.s.o.Log.Lane(l.name); !ok || st.Pending < int64(set.MaxEvents) && time.Since(l.gather) < set.MaxWait {
				return false
			}
			if found, err = l.s.o.Log.Read(l.name, l.position, set.MaxEvents, set.MaxBytes); err != nil || len(found.Records) == 0 {
				return false
			}
		}
	}
	l.gather = time.Time{}
	l.work = l.make(found, l.recipe(), l.limits(), nil)
	l.work.Recall(l.search.of)
	l.search.of = nil
	return true
}

// knowTime has Meta tell the time before the first event is mapped and sent by a clock
// that is not believed: none shall escape the rules about age. It says whether to go
// on: when nobody answers, nothing can be sent either.
func (l *lane) knowTime(ctx context.Context) bool {
	if l.s.o.Ask == nil || !l.s.clock.asking() {
		return true
	}
	if st, ok := l.s.o.Log.Lane(l.name); !ok || st.Pending == 0 {
		return true
	}
	if time.Now().Before(l.notBefore) {
		l.show(l.waitFor, l.notBefore)
		l.sleep(ctx, wallWait(l.notBefore), nil)
		return false
	}
	r := l.s.o.Ask(ctx)
	l.s.observe(r)
	if r.HTTPStatus != 0 || ctx.Err() != nil {
		return true // who tells no time will be asked with a single event
	}
	l.said(r)
	set := l.settings()
	l.steady = 0
	l.st.Failures++
	l.waitUntil(pace.Backoff(l.st.Failures, set.MinInterval, set.MaxInterval, l.s.o.Rand()), WaitingRetry)
	return false
}

func full(b queue.Batch, set Settings) bool { return b.More || len(b.Records) >= set.MaxEvents }

// recipe is how a batch would be made now.
func (l *lane) recipe() *batch.Recipe {
	at, believed := l.s.clock.now()
	return &batch.Recipe{Made: time.Now(), Mapping: l.s.o.Mapping(), At: at, Ages: believed, Age: l.settings().MaxAge, Unset: l.s.clock.start(), By: l.s.o.MappingByDigest}
}

// limits are those of requests now.
func (l *lane) limits() batch.Limits {
	set := l.settings()
	most := batch.Limits{Events: set.MaxEvents, Bytes: set.MaxBytes}
	if l.st.Size > 0 {
		most.Bytes = min(most.Bytes, l.st.Size)
	}
	if l.s.clock.asking() {
		// Who is too old, and who may travel with whom, is not known before an
		// answer has told the time: ask with a single event.
		most.Events = 1
	}
	return most
}

func (l *lane) make(found queue.Batch, how *batch.Recipe, most batch.Limits, doubt []batch.Item) *batch.Batch {
	b := batch.Make(l.name, found, how, most, batch.Decisions{Doubt: doubt})
	if b.Broke > 0 {
		l.log.Error("events could not be mapped: an internal error; they become dead letters", "code", logs.MapPanic, "events", b.Broke)
	}
	return b
}

// maxStale is how old a batch may be that waits to be sent: what time can
// change is looked at again.
const maxStale = time.Minute

// refresh maps the batch at hand again when the mapping is another one, time
// has passed, or the clock is believed now; never while a request of it is in doubt.
func (l *lane) refresh() {
	b := l.work
	if b == nil || l.cur != nil && l.cur.doubt {
		return
	}
	m := l.s.o.Mapping()
	if m == nil {
		return
	}
	_, believed := l.s.clock.now()
	if m.Digest() == b.How.Mapping.Digest() && time.Since(b.How.Made) < maxStale && believed == b.How.Ages && b.Limits == l.limits() ||
		batch.Recipes(b.InDoubt()) >= maxNotes {
		return
	}
	l.remap()
	l.work.Resume(b)
}

// remap maps the batch's records again; what is decided stays so, and what is in doubt
// as it is.
func (l *lane) remap() {
	b := l.work
	l.work, l.cur = batch.Make(l.name, b.Batch, l.recipe(), l.limits(), b.Decisions()), nil
	l.work.Recall(b.Suspects())
}

// pick makes sure there is a request at hand; false: the batch is done.
func (l *lane) pick() bool {
	if l.cur != nil {
		return true
	}
	lo, hi, open, ok := l.work.Head(l.st.Streak + l.search.Row())
	if ok {
		l.cur = newAttempt(l.name, l.work, lo, hi, open)
	}
	return ok
}

// pickProbe takes one event at random to find out whether the pause may end:
// should the first one be the only bad one, another will pass.
func (l *lane) pickProbe() {
	i := l.random()
	l.work.Try(i, i+1)
	l.cur = newAttempt(l.name, l.work, i, i+1, []int{i})
	l.cur.probe = true
}

// random is an open item of the batch, one that has not failed alone if there is any.
func (l *lane) random() int {
	open := l.work.Alive(0, len(l.work.Items))
	if l.work.Untried() {
		open = slices.DeleteFunc(open, func(i int) bool { return l.work.Items[i].Lone() })
	}
	return open[min(int(l.s.o.Rand()*float64(len(open))), len(open)-1)]
}

func (l *lane) settings() Settings { return *l.s.settings.Load() }

// wallWait is the time left until a monotonic moment; zero: for ever.
func wallWait(until time.Time) time.Duration {
	if until.IsZero() {
		return -1
	}
	return max(time.Until(until), 0)
}

func (l *lane) closeBreaker() {
	l.pause, l.alone, l.st.Breaker, l.st.Streak, l.dirty = "", false, false, 0, true
	l.log.Info("breaker closed: trying again", "code", logs.BreakerClosed)
}

// advice is what a person is told about an answer.
func (l *lane) advice(r graph.Result) advice.Advice {
	if l.pause == BreakerOpen && advice.Explains(string(BreakerOpen), r.Class.String()) {
		return advice.Breaker(r)
	}
	return advice.For(r)
}

// said keeps an answer other than success for show: a status never has the answer
// without the state that it led to.
func (l *lane) said(r graph.Result) {
	at, _ := l.s.clock.now()
	l.problem = problem(r, l.advice(r), at)
}
