package drain

import (
	"time"

	"relay/internal/logs"
	"relay/mapper/personal"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// speech is what a lane has said already, so that the log says it once.
type logState struct {
	problem   *Problem  // the last answer that was none of success
	announced bool      // that uploads begin
	warned    string    // Meta's last warning
	lastNoise time.Time // last line about a failure that goes on
	tags      tagCount
}

// warns says whether a warning of Meta's is another than the last.
func (s *logState) isNewWarning(text string) bool {
	news := text != "" && text != s.warned
	if news {
		s.warned = text
	}
	return news
}

// saysAgain says whether a failure that goes on is worth a line of the log: the first is,
// and one every ten minutes.
func (s *logState) shouldLog(failures int) bool {
	if failures != 1 && time.Since(s.lastNoise) < 10*time.Minute {
		return false
	}
	s.lastNoise = time.Now()
	return true
}

// announce says in the log that real uploads begin.
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
	// A tag may be made of the event.
	log.Info("first real upload to this event set", "code", logs.FirstUpload, "api", a.req.API, "upload_tag", personal.ShowName(a.req.UploadTag), "events", len(a.open))
}

// advice is what a person is told about an answer.
func (l *lane) advice(r graph.Result) advice.Advice {
	if l.s.forwards(l.name) {
		return advice.ForHub(r)
	}
	if l.pause == BreakerOpen && advice.Explains(string(BreakerOpen), r.Class.String()) {
		return advice.Breaker()
	}
	return advice.For(r)
}

// said keeps an answer other than success for show: a status never has the answer
// without the state that it led to.
func (l *lane) recordProblem(r graph.Result) {
	at, _ := l.s.clock.Now()
	l.problem = &Problem{
		At: at, Class: r.Class.String(), HTTPStatus: r.HTTPStatus, Code: r.Code, Subcode: r.Subcode,
		Message: r.Message, FBTraceID: r.FBTraceID, Advice: l.advice(r).String(),
	}
	l.State.Problem = l.problem // stored with what it led to
}

// answer is what a log line says of an answer.
func (l *lane) answerAttrs(code logs.Code, r graph.Result) []any {
	words := []any{"code", code, "class", r.Class.String(), "status", r.HTTPStatus, "message", r.Message, "advice", l.advice(r).String()}
	if !l.s.forwards(l.name) {
		words = append(words, "meta_code", r.Code, "meta_subcode", r.Subcode, "fbtrace_id", r.FBTraceID)
	}
	return words
}

// maxTagsPerDay is how many upload tags an event set may have in a day before it
// is said: each is a request of its own, and a template that names what every
// event has otherwise makes as many requests as events.
const maxTagsPerDay = 20

// tagCount counts the tags of a day, as far as it matters.
type tagCount struct {
	day  time.Time
	seen map[string]bool
}

// add counts a tag, and says whether it is the first one too many of its day (UTC).
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

// tagged counts the tag of a request that Meta has taken.
func (l *lane) countTag(tag string, at time.Time) {
	if l.tags.add(tag, at) {
		l.log.Warn("this event set has more upload tags than fit a day: each is a request of its own",
			"code", logs.ManyUploadTags, "most", maxTagsPerDay)
	}
}
