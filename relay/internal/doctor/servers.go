package doctor

import (
	"context"
	"fmt"
	"strings"

	"relay/queue/jetstream"
)

// servers checks the NATS servers of the queue.
func (e *exam) servers(ctx context.Context) {
	r, err := e.Servers(ctx)
	away := 0
	for _, s := range r.Servers {
		switch {
		case s.Unreachable != nil:
			away++
			e.report(Finding{
				Check: "queue", Code: "server_unreachable", Level: Warn, Who: Network, Text: fmt.Sprintf("The NATS server %s cannot be reached: %v.", s.URL, plainNet(s.Unreachable)),
				Fix: "Start the server, or fix the network to it. relay works while a majority of the servers is reachable.",
			})
		case s.Unsuitable != nil:
			what, do, _ := strings.Cut(strings.TrimPrefix(s.Unsuitable.Error(), jetstream.ErrSetup.Error()+": "), ": ")
			e.report(Finding{Check: "queue", Code: "server_unfit", Level: Fail, Who: You, Text: sentence(what), Fix: sentence(do)})
		case s.SyncAssumed:
			e.report(Finding{
				Check: "queue", Code: "server_sync_assumed", Level: Note,
				Text: fmt.Sprintf("The NATS server %s runs %s. relay does not check sync_interval: always, because queue.nats.sync says assumed.", s.URL, s.Version),
			})
		default:
			e.report(Finding{Check: "queue", Code: "server_fit", Level: OK, Text: fmt.Sprintf("The NATS server %s runs %s and syncs before it confirms a write.", s.URL, s.Version)})
		}
	}
	if n := len(r.Servers); n > 0 && away > (n-1)/2 {
		e.report(Finding{
			Check: "queue", Code: "no_majority", Level: Fail, Who: Network, Text: fmt.Sprintf("%d of %d NATS servers are unreachable. Without a majority relay can neither store nor send events.", away, n),
			Fix: "Start the servers, or fix the network to them. Confirmed events are not lost.",
		})
	}
	if err != nil {
		e.report(Finding{Check: "queue", Code: "servers", Level: Fail, Who: You, Text: sentence(err.Error()), Fix: "Check the servers' logs."})
		return
	}
	e.streams(r.Streams)
}

func (e *exam) streams(all []jetstream.Stream) {
	leaders := make(map[string]bool)
	there, behind, bad := 0, 0, false
	for _, s := range all {
		if !s.Exists {
			continue
		}
		there++
		behind += s.Behind
		leaders[s.Leader] = true
		switch {
		case s.Leader == "":
			bad = true
			e.report(Finding{
				Check: "queue", Code: "no_leader", Level: Fail, Who: Network, Text: fmt.Sprintf("The stream %s has no leader.", s.Name),
				Fix: "Make sure that a majority of its servers is running. An election takes a few seconds.",
			})
		case s.Replicas < 3:
			bad = true
			e.report(Finding{
				Check: "queue", Code: "few_replicas", Level: Fail, Who: You, Text: fmt.Sprintf("The stream %s has only %d replicas, so the loss of a server can lose events.", s.Name, s.Replicas),
				Fix: fmt.Sprintf("nats stream edit %s --replicas 3", s.Name),
			})
		}
	}
	switch {
	case len(all) > 0 && there == 0:
		e.report(Finding{Check: "queue", Code: "no_streams", Level: Note, Text: "The queue has no streams yet. relay creates them at its first start."})
	case there > 0 && !bad && behind > 0:
		e.report(Finding{
			Check: "queue", Code: "replicas_behind", Level: Warn, Text: fmt.Sprintf("In the queue's %d streams, %d replicas are behind or unreachable. The loss of another server might stop relay.", there, behind),
			Fix: "Wait until they catch up, or start the unreachable server.", Who: Network,
		})
	case there > 0 && !bad:
		e.report(Finding{Check: "queue", Code: "streams", Level: OK, Text: fmt.Sprintf("The queue's %d streams have three replicas or more each, and %d different leaders.", there, len(leaders))})
	}
}
