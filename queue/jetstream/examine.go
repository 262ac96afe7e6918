package jetstream

import (
	"context"
	"fmt"
	"time"
)

// Report is how the servers of a log stand.
type Report struct {
	Servers []Server
	Streams []Stream
}

// Server is one of them.
type Server struct {
	URL     string
	Version string
	Away    error // why it is not reached; nil: it is
	Unfit   error // why a log may not lie there; nil: it may. It is ErrSetup
	Assumed bool  // that it syncs always was not asked
}

// Stream is one of the streams of events.
type Stream struct {
	Name     string
	There    bool // false: the first start makes it
	Replicas int
	Leader   string // empty: it has none
	Behind   int    // replicas that are not current
}

// Examine looks at the servers of a log, and changes nothing.
func Examine(ctx context.Context, o Options) (r Report, err error) {
	o = o.withDefaults()
	if err := checkOptions(&o); err != nil {
		return r, err
	}
	l := &Log{o: o}
	if l.servers, err = connect(&o, func() {}); err != nil {
		return r, err
	}
	defer l.servers.close()
	reached := 0
	for i, c := range l.servers.conns {
		for start := time.Now(); !c.IsConnected() && time.Since(start) < 3*time.Second && ctx.Err() == nil; {
			sleep(ctx, 50*time.Millisecond)
		}
		s := Server{URL: o.URLs[i], Assumed: o.AssumeSync}
		switch {
		case !c.IsConnected():
			if err := refusedBy(o.URLs[i], c.LastError(), l.servers.why(o.URLs[i])); err != nil {
				s.Unfit = err
			} else if s.Away = c.LastError(); s.Away == nil {
				s.Away = fmt.Errorf("no answer")
			}
		default:
			reached++
			s.Version = c.ConnectedServerVersion()
			if s.Unfit = fit(o.URLs[i], c); s.Unfit == nil && !o.AssumeSync {
				_, s.Unfit = l.syncs(ctx, i, c)
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
		if err != nil && !is(err, errNoStream) {
			return r, err
		}
		if s.There = err == nil; s.There {
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
