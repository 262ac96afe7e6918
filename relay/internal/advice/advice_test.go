package advice_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/config"
	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/advice"
	"relay/relay/internal/drain"
	"relay/relay/internal/graph"
)

// answers returns one answer for every code, HTTP status, class and network error.
func answers(t *testing.T) []graph.Result {
	t.Helper()
	var all []graph.Result
	for _, row := range meta.Codes() {
		code := row.Code
		if row.To != 0 {
			code = row.To
		}
		class, _ := graph.Verdict(code, row.Subcode)
		all = append(all, graph.Result{Class: class, HTTPStatus: 400, Code: code, Subcode: row.Subcode})
	}
	if len(all) < 70 {
		t.Fatalf("only %d codes", len(all))
	}
	for status := 200; status < 600; status++ {
		all = append(all, graph.Result{Class: graph.StatusVerdict(status), HTTPStatus: status})
	}
	for c := graph.Delivered; !strings.HasPrefix(c.String(), "unknown"); c++ {
		all = append(all, graph.Result{Class: c}, graph.Result{Class: c, HTTPStatus: 400, Code: 999999})
	}
	for _, f := range graph.Failures() {
		all = append(all, unanswered(f))
	}
	return all
}

// unanswered returns a result without an answer.
func unanswered(f graph.Failure) graph.Result { return graph.Result{Class: graph.Retry, Failure: f} }

var (
	causeForm    = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	sentenceForm = regexp.MustCompile(`^([A-Z]|relay |graph\.).*\.$`)
)

// Every answer has complete sentences, and one that stops a lane says who must do what.
func TestEveryAnswerHasWords(t *testing.T) {
	for _, r := range answers(t) {
		a := advice.For(r)
		for _, s := range []string{a.What, a.String(), a.Fix()} {
			if s == "" && a.Do == "" {
				continue
			}
			if !sentenceForm.MatchString(s) || strings.Contains(s, "%!") || strings.Contains(s, "..") {
				t.Errorf("%s %d/%d HTTP %d: %q", r.Class, r.Code, r.Subcode, r.HTTPStatus, s)
			}
		}
		if !causeForm.MatchString(a.Cause) {
			t.Errorf("%s %d/%d: cause %q", r.Class, r.Code, r.Subcode, a.Cause)
		}
		if (a.Who == "") != (a.Do == "") || a.When != "" && a.Do == "" {
			t.Errorf("%s %d/%d: who, what and when are inconsistent: %+v", r.Class, r.Code, r.Subcode, a)
		}
		stops := slices.Contains([]graph.Class{graph.TokenPause, graph.PermPause, graph.ConfigPause, graph.NotApplicable}, r.Class)
		if stops && (a.Who == "" || a.Do == "" || !strings.Contains(a.String(), a.Who[1:]+" must "+a.Do)) {
			t.Errorf("%s %d/%d stops a lane, but does not say who must do what: %q", r.Class, r.Code, r.Subcode, a)
		}
	}
}

// Different causes of one class get different advice.
func TestCauses(t *testing.T) {
	meta := func(class graph.Class, code, sub int) graph.Result {
		return graph.Result{Class: class, HTTPStatus: 400, Code: code, Subcode: sub}
	}
	for _, c := range []struct {
		r     graph.Result
		cause string
		words []string
	}{
		{graph.Result{Class: graph.TokenPause}, "token_missing", []string{"There is no access token", "Generate access token"}},
		{meta(graph.TokenPause, 190, 0), "token_invalid", []string{"does not accept the access token", "An admin", "by itself"}},
		{meta(graph.TokenPause, 190, 463), "token_invalid", []string{"has expired"}},
		{meta(graph.TokenPause, 190, 460), "token_invalid", []string{"password was changed"}},
		{meta(graph.TokenPause, 190, 458), "token_invalid", []string{"removed its app"}},
		{meta(graph.TokenPause, 190, 459), "token_invalid", []string{"The owner of the access token must log in"}},
		{meta(graph.PermPause, 200, 0), "no_permission", []string{"not allowed to send", "Business settings", "ads_management"}},
		{meta(graph.ConfigPause, 100, 33), "event_set_wrong", []string{"does not know this event set", "Events Manager", "Business settings"}},
		{meta(graph.ConfigPause, 803, 0), "event_set_wrong", nil},
		{meta(graph.ConfigPause, 275, 0), "event_set_wrong", nil},
		{meta(graph.ConfigPause, 2044055, 0), "event_set_wrong", nil},
		{meta(graph.ConfigPause, 104, 0), advice.AppSecret, []string{"graph.app_secret", "clock of this machine"}},
		{graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "Invalid appsecret_proof provided in the API argument"}, advice.AppSecret, nil},
		{graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "API calls from the server require an appsecret_proof argument"}, advice.AppSecret, nil},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 400, Code: 100, Message: "Invalid appsecret_proof provided in the API argument"}, advice.AppSecret, []string{"graph.app_secret"}},
		{meta(graph.PermPause, 1404163, 0), "account_restricted", []string{"Account Quality", "does not end by itself"}},
		{graph.Result{Class: graph.PermPause, HTTPStatus: 400, Code: 100, Message: "(#100) Missing Permission"}, "no_permission", []string{"not allowed to send"}},
		{meta(graph.ConfigPause, 12, 0), "version_retired", []string{"graph.version"}},
		{meta(graph.ConfigPause, 2500, 0), "path_unknown", []string{"graph.endpoint"}},
		{meta(graph.NotApplicable, 613, 1487632), "not_applicable", nil},
		{meta(graph.Throttle, 613, 5044001), "throttled", nil},
		{meta(graph.ConfigPause, 2635, 0), "version_retired", []string{"graph.version"}},
		{meta(graph.ConfigPause, 100, 2804030), "data_use", []string{"limited_data_use"}},
		{meta(graph.ConfigPause, 105, 0), "settings", nil},
		{graph.Result{Class: graph.ConfigPause}, "request_impossible", []string{"graph.endpoint"}},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 407}, "proxy", []string{"graph.proxy"}},
		{meta(graph.Throttle, 368, 0), "blocked", []string{"Account Quality"}},
		{meta(graph.Throttle, 80004, 0), "throttled", []string{"rate.requests_per_second"}},
		{unanswered(graph.FailureUntrusted), "tls", []string{"graph.ca_file", "restart relay"}},
		{unanswered(graph.FailureWrongHost), "tls", []string{"answers instead of Meta"}},
		{unanswered(graph.FailureExpired), "tls", []string{"check the clock of this machine"}},
		{unanswered(graph.FailureNotYetValid), "tls", []string{"must set the clock of this machine"}},
		{unanswered(graph.FailureCertificate), "tls", []string{"graph.ca_file"}},
		{unanswered(graph.FailureHandshake), "tls", []string{"graph.ca_file"}},
		{unanswered(graph.FailureNoTLS), "not_encrypted", []string{"graph.endpoint"}},
		{unanswered(graph.FailureProxy), "proxy", []string{"graph.proxy"}},
		{unanswered(graph.FailureProxyLogin), "proxy", []string{"graph.proxy"}},
		{unanswered(graph.FailureProxyRefused), "proxy_refused", []string{"through the proxy"}},
		{unanswered(graph.FailureDNS), "dns", []string{"name server"}},
		{unanswered(graph.FailureSlow), "slow_connection", []string{"requests smaller"}},
		{unanswered(graph.FailureNotHTTP), "foreign_answer", []string{"login page"}},
		{unanswered(graph.FailureRefused), "unreachable", []string{"internet connection"}},
		{unanswered(graph.FailureReset), "unreachable", []string{"internet connection"}},
		{meta(graph.Retry, 2, 0), "meta_trouble", []string{"If this lasts, the administrator of this machine must check https://metastatus.com."}},
		{meta(graph.Retry, 999999, 0), "unknown_code", []string{"Meta's documentation"}},
		{graph.Result{Class: graph.Retry, HTTPStatus: 503}, "server_trouble", nil},
		{graph.Result{Class: graph.Retry, HTTPStatus: 302}, "foreign_answer", []string{"login page"}},
		{graph.Result{Class: graph.Doubt, HTTPStatus: 200, Foreign: true}, "foreign_answer", []string{"login page", "If this lasts, the network administrator must allow this machine to connect", "exactly the same"}},
		{graph.Result{Class: graph.Doubt, HTTPStatus: 200}, "answer_unclear", []string{"If this lasts, the network administrator must", "exactly the same"}},
		{graph.Result{Class: graph.Doubt, HTTPStatus: 502, Foreign: true}, "server_trouble", []string{"metastatus.com", "exactly the same"}},
		{graph.Result{Class: graph.Doubt}, "no_answer", []string{"check the internet connection", "exactly the same"}},
		{graph.Result{Class: graph.Throttle, HTTPStatus: 429, Foreign: true}, "throttled_by_proxy", []string{"does not come from the Graph API"}},
		{graph.Result{Class: graph.InvalidBatch, HTTPStatus: 413, Sent: 2}, "request_too_large", []string{"batch.max_bytes", "smaller parts"}},
		{graph.Result{Class: graph.InvalidBatch, HTTPStatus: 413, Sent: 1}, "event_too_large_for_proxy", []string{"refuses even a single event", "The network administrator"}},
		{meta(graph.InvalidEvent, 100, 2804009), "events_refused", []string{"a Purchase has no value", "relay dead retry"}},
		{meta(graph.InvalidEvent, 100, 2804003), "events_refused", []string{"too old", "No action is needed."}},
		{graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Bad: make([]graph.BadEvent, 3)}, "events_refused", []string{"3 events"}},
		{meta(graph.NotApplicable, 100, 2804063), "not_applicable", []string{"report this code"}},
	} {
		a := advice.For(c.r)
		if a.Cause != c.cause {
			t.Errorf("%s %d/%d %q %s: cause %s, want %s", c.r.Class, c.r.Code, c.r.Subcode, c.r.Message, c.r.Failure, a.Cause, c.cause)
		}
		for _, w := range c.words {
			if !strings.Contains(a.String(), w) {
				t.Errorf("%s: %q lacks %q", c.cause, a, w)
			}
		}
	}
}

// Meta's own message and codes follow relay's sentence.
func TestDescribe(t *testing.T) {
	r := graph.Result{Class: graph.TokenPause, HTTPStatus: 400, Code: 190, Subcode: 463, Message: "Session has expired.", FBTraceID: "A1"}
	if got, want := advice.Describe(r), "The access token has expired. Meta says: Session has expired. (code 190/463, fbtrace_id A1)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r = graph.Result{Class: graph.Retry, HTTPStatus: 503, Message: "HTTP 503 with text/html"}
	if got := advice.Describe(r); !strings.HasSuffix(got, " Seen: HTTP 503 with text/html. (HTTP 503)") {
		t.Errorf("%q", got)
	}
}

// Each reason for having no access token has a sentence of its own.
func TestNoToken(t *testing.T) {
	seen := map[string]bool{advice.NoToken("").String(): true}
	for _, lack := range []config.Lack{config.FileMissing, config.FileUnreadable, config.FileEmpty, config.FileMalformed} {
		a := advice.NoToken(string(lack))
		if seen[a.String()] || a.Cause != "token_"+string(lack) || a.Who != advice.Operator || !strings.Contains(a.What, "graph.access_token_file") {
			t.Errorf("%s: %+v", lack, a)
		}
		seen[a.String()] = true
	}
}

// Every state of a lane has a headline and a sentence about what happens next.
func TestEveryStateHasWords(t *testing.T) {
	for _, s := range drain.States() {
		if s == drain.Keeping { // the state of the unmapped lane, which is not shown
			continue
		}
		h, next := advice.ForState(advice.Lane{State: string(s)})
		if h == "" || h == string(s) || strings.HasSuffix(h, ".") || !sentenceForm.MatchString(next) {
			t.Errorf("%s: %q, %q", s, h, next)
		}
	}
}

// The state of a lane that a person must get going says what to do, unless the answer
// that stopped the lane is shown too, and when relay tries by itself.
func TestPausedStates(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for state, r := range map[drain.State]graph.Result{
		drain.PausedToken:      {Class: graph.TokenPause, HTTPStatus: 400, Code: 190},
		drain.PausedPermission: {Class: graph.PermPause, HTTPStatus: 400, Code: 200},
		drain.PausedConfig:     {Class: graph.ConfigPause, HTTPStatus: 400, Code: 105},
		drain.NoToken:          {Class: graph.TokenPause},
		drain.BreakerOpen:      {Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100},
	} {
		a := advice.For(r)
		if state == drain.BreakerOpen {
			a = advice.Breaker()
		}
		if state != drain.NoToken && !advice.Explains(string(state), r.Class.String()) {
			t.Errorf("class %s does not explain state %s", r.Class, state)
		}
		l := advice.Lane{State: string(state), Now: noon, Next: noon.Add(5 * time.Minute)}
		if _, next := advice.ForState(l); !strings.Contains(next, a.Do) || !strings.Contains(next, "in 5 minutes") {
			t.Errorf("%s: %q lacks %q", state, next, a.Do)
		}
		l.Told = true
		if _, next := advice.ForState(l); strings.Contains(next, a.Do) {
			t.Errorf("%s: %q repeats the advice of the answer", state, next)
		}
	}
	if advice.Explains(string(drain.PausedToken), graph.Retry.String()) || advice.Explains(string(drain.Idle), graph.TokenPause.String()) {
		t.Error("a state is explained by an unrelated class")
	}
}

// Every reason of a dead letter has a description.
func TestEveryReasonHasWords(t *testing.T) {
	reasons := []string{
		mapper.ReasonInvalid, mapper.ReasonTooLarge, mapper.ReasonIDConflict, mapper.ReasonUnrouted, mapper.ReasonExpression, mapper.ReasonExpired, mapper.ReasonFuture,
		mapper.ReasonNoMatchKey, mapper.ReasonWeakMatchKeys, mapper.ReasonMissingValue, mapper.ReasonInvalidValue, mapper.ReasonMissingCurrency,
		mapper.ReasonInvalidCurrency, mapper.ReasonRejected, mapper.ReasonUnanswered, mapper.ReasonUnknownTime,
	}
	for _, r := range reasons {
		if w := advice.ForReason(r); w == "" || w == strings.ReplaceAll(r, "_", " ") || advice.Reasons()[r] != w {
			t.Errorf("%s: %q", r, w)
		}
	}
	if len(advice.Reasons()) != len(reasons) {
		t.Errorf("%d reasons have a description, want %d", len(advice.Reasons()), len(reasons))
	}
	if got := advice.ForReason("of_a_later_relay"); got != "of a later relay" {
		t.Errorf("%q", got)
	}
}

func TestAmounts(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1 second", 89 * time.Second: "89 seconds", 90 * time.Second: "2 minutes", 2 * time.Hour: "2 hours", 40 * time.Hour: "2 days",
	} {
		if got := advice.About(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 3 << 30: "3.0 GiB"} {
		if got := advice.Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
