package advice_test

import (
	"strings"
	"testing"

	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// A fix names the keys that need a restart, once each, and only those.
func TestWithRestart(t *testing.T) {
	for fix, want := range map[string]string{
		"Set graph.proxy.": "Set graph.proxy. Restart relay after changing graph.proxy.",
		"Check graph.version and queue.max_size; graph.version ends soon.": "Check graph.version and queue.max_size; graph.version ends soon. Restart relay after changing graph.version or queue.max_size.",
		"Set admin.socket.path.":         "Set admin.socket.path. Restart relay after changing admin.socket.path.",
		"Lower rate.requests_per_second": "Lower rate.requests_per_second", // takes effect while relay runs
		"Correct relay.yaml, or allow this machine to connect to graph.facebook.com.": "Correct relay.yaml, or allow this machine to connect to graph.facebook.com.",
		"Set graph.ca_file; then restart relay.":                                      "Set graph.ca_file; then restart relay.",
		"Stop relay, move queue.path, and start relay.":                               "Stop relay, move queue.path, and start relay.",
		"": "",
	} {
		if got := advice.WithRestart(fix); got != want {
			t.Errorf("%q:\n%q, want\n%q", fix, got, want)
		}
		if again := advice.WithRestart(want); again != want {
			t.Errorf("%q: twice: %q", fix, again)
		}
	}
}

// The advice about a proxy ends with the restart, wherever it is shown.
func TestAdviceNamesRestart(t *testing.T) {
	const hint = " Restart relay after changing graph.proxy."
	a := advice.For(graph.Result{Class: graph.Retry, Failure: graph.FailureProxy})
	if !strings.Contains(a.String(), hint) || !strings.HasSuffix(a.Fix(), hint) || strings.Contains(a.Do, "estart") {
		t.Errorf("%+v:\n%s\n%s", a, a, a.Fix())
	}
}
