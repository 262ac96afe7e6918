package jetstream

import (
	"context"
	"fmt"
	"time"
)

// Report is the state of a log's servers.
type Report struct {
	Servers []Server
	Streams []Stream
}

// Server is the state of one server.
type Server struct {
	URL         string
	Version     string
	Unreachable error // why it cannot be reached; nil if it can
	Unsuitable  error // why a log must not be stored on it (ErrSetup); nil if it may
	SyncAssumed bool  // it was not checked whether the server syncs every write
}

// Stream is the state of one event stream.
type Stream struct {
	Name     string
	Exists   bool // false: the first start creates it
	Replicas int
	Leader   string // empty: it has none
	Behind   int    // replicas that are not up to date
}

// Examine checks the servers of a log. It changes nothing.
func Examine(ctx context.Context, o Options) (r Report, err error) {
	o = o.withDefaults()
	if err := checkOptions(&o); err != nil {
		return r, err
	}
	l := &Log{options: o}
	if l.servers, err = connect(&o, func() {}); err != nil {
		return r, err
	}
	defer l.servers.close()
	reached := 0
	for i, c := range l.servers.conns {
		for start := time.Now(); !c.IsConnected() && time.Since(start) < 3*time.Second && ctx.Err() == nil; {
			sleep(ctx, 50*time.Millisecond)
		}
		s := Server{URL: o.URLs[i], SyncAssumed: o.AssumeSync}
		switch {
		case !c.IsConnected():
			if err := refusal(o.URLs[i], c.LastError(), l.servers.connectError(o.URLs[i])); err != nil {
				s.Unsuitable = err
			} else if s.Unreachable = c.LastError(); s.Unreachable == nil {
				s.Unreachable = fmt.Errorf("no answer")
			}
		default:
			reached++
			s.Version = c.ConnectedServerVersion()
			if s.Unsuitable = checkServer(o.URLs[i], c); s.Unsuitable == nil && !o.AssumeSync {
				_, s.Unsuitable = l.checkSync(ctx, i, c)
			}
		}
		r.Servers = append(r.Servers, s)
	}
	if reached == 0 {
		return r, nil
	}
	for i := range streams {
		s := Stream{Name: l.eventStream(i)}
		one, cancel := context.WithTimeout(ctx, 3*time.Second)
		info, err := l.info(one, s.Name)
		cancel()
		if err != nil && !hasCode(err, codeNoStream) {
			return r, err
		}
		if s.Exists = err == nil; s.Exists {
			s.Replicas = info.Config.Replicas
			if info.Cluster != nil {
				s.Leader = info.Cluster.Leader
				for _, p := range info.Cluster.Replicas {
					if !p.Current {
						s.Behind++
					}
				}
			} else {
				s.Leader = "the only server"
			}
		}
		r.Streams = append(r.Streams, s)
	}
	return r, nil
}
