package drain

import (
	"time"

	"relay/internal/logs"
	"relay/mapper/personal"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// logState is what a lane has logged already, so that it is logged once.
type logState struct {
	problem   *Problem  // the last answer other than success
	announced bool      // the first upload was logged
	warned    string    // Meta's last warning
	lastNoise time.Time // last line about a failure that lasts
	tags      tagCount
}

// isNewWarning reports whether Meta's warning differs from the last one.
func (s *logState) isNewWarning(text string) bool {
	news := text != "" && text != s.warned
	if news {
		s.warned = text
	}
	return news
}

// shouldLog reports whether to log a failure that lasts: the first one, and then one every
// ten minutes.
func (s *logState) shouldLog(failures int) bool {
	if failures != 1 && time.Since(s.lastNoise) < 10*time.Minute {
		return false
	}
	s.lastNoise = time.Now()
	return true
}

// logFirstUpload logs that real uploads begin.
func (l *lane) logFirstUpload(a *attempt) {
	if l.State.Announced || l.announced {
		return
	}
	l.announced = true
	log := l.log
	if a.req.TestEventCode != "" {
		// Not a sandbox: such events count (docs/meta.md 8.1).
		log = log.With("test_event_code", true)
	}
	// The mapping can make a tag from the event.
	log.Info("first real upload to this event set", "code", logs.FirstUpload, "api", a.req.API, "upload_tag", personal.ShowName(a.req.UploadTag), "events", len(a.open))
}

// advice returns the advice for an answer.
func (l *lane) advice(r graph.Result) advice.Advice {
	if l.s.forwards(l.name) {
		return advice.ForHub(r)
	}
	if l.pause == BreakerOpen && advice.Explains(string(BreakerOpen), r.Class.String()) {
		return advice.Breaker()
	}
	return advice.For(r)
}

// recordProblem keeps an answer other than success for the status. It is stored and shown
// together with the state that it leads to.
func (l *lane) recordProblem(r graph.Result) {
	at, _ := l.s.clock.Now()
	l.problem = &Problem{
		At: at, Class: r.Class.String(), HTTPStatus: r.HTTPStatus, Failure: r.Failure.String(), Code: r.Code, Subcode: r.Subcode,
		Message: r.Message, FBTraceID: r.FBTraceID, Advice: l.advice(r).String(),
	}
	l.State.Problem = l.problem
}

// answerAttrs returns the log attributes for an answer.
func (l *lane) answerAttrs(code logs.Code, r graph.Result) []any {
	words := []any{"code", code, "class", r.Class.String(), "status", r.HTTPStatus, "message", r.Message, "advice", l.advice(r).String()}
	if r.Failure != graph.NoFailure {
		words = append(words, "failure", r.Failure.String())
	}
	if !l.s.forwards(l.name) {
		words = append(words, "meta_code", r.Code, "meta_subcode", r.Subcode, "fbtrace_id", r.FBTraceID)
	}
	return words
}

// maxTagsPerDay is how many upload tags an event set can use in a day before a warning is
// logged. Each tag needs a request of its own, so a template that differs for every event
// makes as many requests as events.
const maxTagsPerDay = 20

// tagCount counts the tags of a day, up to one more than maxTagsPerDay.
type tagCount struct {
	day  time.Time
	seen map[string]bool
}

// add counts a tag, and reports whether it is the first one too many of its day (UTC).
func (t *tagCount) add(tag string, at time.Time) bool {
	if day := at.UTC().Truncate(24 * time.Hour); !day.Equal(t.day) {
		t.day, t.seen = day, make(map[string]bool, 1)
	}
	if len(t.seen) > maxTagsPerDay || t.seen[tag] {
		return false
	}
	t.seen[tag] = true
	return len(t.seen) > maxTagsPerDay
}

// countTag counts the tag of a request that Meta accepted.
func (l *lane) countTag(tag string, at time.Time) {
	if l.tags.add(tag, at) {
		l.log.Warn("this event set uses too many upload tags in a day: each tag needs a request of its own",
			"code", logs.ManyUploadTags, "most", maxTagsPerDay)
	}
}
