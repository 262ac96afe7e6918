package sidecar

import (
	"context"
	"log/slog"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/drain"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
)

// With log.level debug, relay also logs each incoming and each outgoing request, without
// any content of an event.

type loggedIntake struct {
	ingest.Metrics
	log *slog.Logger
}

// Request logs one answered request.
func (l loggedIntake) Request(o ingest.Observation) {
	l.Metrics.Request(o)
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("request answered", "code", logs.Request, "route", o.Route, "status", o.Status, "error_code", o.Code, "stored", o.Stored,
			"duplicates", o.Duplicates, "id_conflicts", o.Conflicts, "rejected", o.Rejected, "bytes", o.Bytes, "took", o.Took)
	}
}

type loggedDrain struct {
	drain.Metrics
	log *slog.Logger
}

// Attempt logs one request to the Graph API.
func (l loggedDrain) Attempt(lane string, r graph.Result, events int) {
	l.Metrics.Attempt(lane, r, events)
	l.log.Debug("request to Meta answered", "code", logs.Upload, "event_set", lane, "class", r.Class.String(), "http_status", r.HTTPStatus,
		"events", events, "meta_code", r.Code, "meta_subcode", r.Subcode, "fbtrace_id", r.FBTraceID, "took", r.Elapsed)
}

// StateChanged logs the new state of a lane.
func (l loggedDrain) StateChanged(lane string, state drain.State, since time.Time) {
	l.Metrics.StateChanged(lane, state, since)
	l.log.Debug("lane state changed", "code", logs.LaneState, "event_set", lane, "state", string(state))
}
