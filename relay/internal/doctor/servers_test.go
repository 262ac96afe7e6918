package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"relay/queue/jetstream"
)

// testServers provokes every finding about NATS servers that hold the queue.
func testServers(t *testing.T) {
	three := func(s jetstream.Stream) (out []jetstream.Stream) {
		for i := range 3 {
			s.Name = fmt.Sprint("relay-", i)
			out = append(out, s)
		}
		return out
	}
	server := func(s jetstream.Server) []jetstream.Server {
		fit := jetstream.Server{URL: "tls://nats-1:4222", Version: "2.15.3"}
		s.URL = "tls://nats-0:4222"
		return []jetstream.Server{s, fit, fit}
	}
	fit := jetstream.Server{Version: "2.15.3"}
	away := jetstream.Server{Unreachable: errors.New("connection refused")}
	well := three(jetstream.Stream{Exists: true, Replicas: 3, Leader: "n0"})
	for _, c := range []struct {
		name   string
		report jetstream.Report
		err    error
		code   string
		level  Level
		fix    string
	}{
		{"well", jetstream.Report{Servers: server(fit), Streams: well}, nil, "streams", OK, ""},
		{"a server", jetstream.Report{Servers: server(fit), Streams: well}, nil, "server_fit", OK, ""},
		{"assumed", jetstream.Report{Servers: server(jetstream.Server{SyncAssumed: true}), Streams: well}, nil, "server_sync_assumed", Note, ""},
		{"away", jetstream.Report{Servers: server(away), Streams: well}, nil, "server_unreachable", Warn, "Start the server,"},
		{"two away", jetstream.Report{Servers: append(server(away), away, away)}, nil, "no_majority", Fail, "Start the servers"},
		{
			"no sync",
			jetstream.Report{Servers: server(jetstream.Server{Unsuitable: fmt.Errorf("%w: it loses: set sync_interval: always", jetstream.ErrSetup)})},
			nil, "server_unfit", Fail, "Set sync_interval: always.",
		},
		{"an error", jetstream.Report{Servers: server(fit)}, errors.New("no answer"), "servers", Fail, "logs"},
		{"no leader", jetstream.Report{Servers: server(fit), Streams: three(jetstream.Stream{Exists: true, Replicas: 3})}, nil, "no_leader", Fail, "majority"},
		{"few", jetstream.Report{Servers: server(fit), Streams: three(jetstream.Stream{Exists: true, Replicas: 1, Leader: "n0"})}, nil, "few_replicas", Fail, "--replicas 3"},
		{"new", jetstream.Report{Servers: server(fit), Streams: three(jetstream.Stream{})}, nil, "no_streams", Note, ""},
		{"behind", jetstream.Report{Servers: server(fit), Streams: three(jetstream.Stream{Exists: true, Replicas: 3, Leader: "n0", Behind: 1})}, nil, "replicas_behind", Warn, "Wait"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := setup{change: func(_ *testing.T, o *Options) {
				o.Servers = func(context.Context) (jetstream.Report, error) { return c.report, c.err }
			}}.examine(t)
			f := want(t, got, c.code, c.level)
			if !strings.Contains(f.Fix, c.fix) || c.level == Fail && (f.Fix == "" || f.Who == "") {
				t.Errorf("%+v", f)
			}
			for _, f := range got {
				if f.Check == "disk" {
					t.Errorf("the disk is looked at: %+v", f)
				}
			}
		})
	}
}
