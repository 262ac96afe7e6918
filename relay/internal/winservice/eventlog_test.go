package winservice

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"relay/config"
	"relay/internal/logs"
)

// events is an Event Log that keeps its lines.
type events struct{ lines []string }

func (e *events) Warning(v ...any) error {
	e.lines = append(e.lines, "warning: "+fmt.Sprint(v...))
	return nil
}

func (e *events) Error(v ...any) error {
	e.lines = append(e.lines, "error: "+fmt.Sprint(v...))
	return nil
}

// The Event Log names the event set of a lane's line, which the lane's logger
// carries; it holds warnings and errors alone.
func TestEventLog(t *testing.T) {
	var e events
	log := slog.New(eventLog{to: &e})
	lane := log.With("event_set", "701000000000001")
	lane.Info("not for an operator", "code", logs.Recovered)
	lane.Error("paused", "code", logs.TokenPaused, "secret", config.NewSecret("EAAB"))
	lane.WithGroup("").WithGroup("answer").With("status", 400).Warn("told", "code", 190, slog.Group("g", "a", 1), slog.Group("", "b", 2))
	log.Warn("bare")

	want := []string{
		"error: paused event_set=701000000000001 code=token_paused secret=<secret>",
		"warning: told event_set=701000000000001 answer.status=400 answer.code=190 answer.g.a=1 answer.b=2",
		"warning: bare",
	}
	if !slices.Equal(e.lines, want) {
		t.Errorf("\n%q, want\n%q", e.lines, want)
	}
}
