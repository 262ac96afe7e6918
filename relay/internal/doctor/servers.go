package doctor

import (
	"context"
	"fmt"
	"strings"

	"relay/queue/jetstream"
)

// servers looks at the NATS servers that hold the queue.
func (e *exam) servers(ctx context.Context) {
	r, err := e.Servers(ctx)
	away := 0
	for _, s := range r.Servers {
		switch {
		case s.Away != nil:
			away++
			e.say(Finding{
				Check: "queue", Code: "server_unreachable", Level: Warn, Who: Network, Text: fmt.Sprintf("The NATS server %s cannot be reached: %v.", s.URL, plainNet(s.Away)),
				Fix: "Start it, and look at the network between. relay goes on while a majority of the servers is there.",
			})
		case s.Unfit != nil:
			what, do, _ := strings.Cut(strings.TrimPrefix(s.Unfit.Error(), jetstream.ErrSetup.Error()+": "), ": ")
			e.say(Finding{Check: "queue", Code: "server_unfit", Level: Fail, Who: You, Text: sentence(what), Fix: sentence(do)})
		case s.Assumed:
			e.say(Finding{
				Check: "queue", Code: "server_sync_assumed", Level: Note,
				Text: fmt.Sprintf("The NATS server %s runs %s; whether it syncs (sync_interval: always) is not asked: queue.nats.sync is assumed.", s.URL, s.Version),
			})
		default:
			e.say(Finding{Check: "queue", Code: "server_fit", Level: OK, Text: fmt.Sprintf("The NATS server %s runs %s and syncs before it confirms.", s.URL, s.Version)})
		}
	}
	if n := len(r.Servers); n > 0 && away > (n-1)/2 {
		e.say(Finding{
			Check: "queue", Code: "no_majority", Level: Fail, Who: Network, Text: fmt.Sprintf("%d of %d NATS servers are away: without a majority nothing is taken and nothing is sent.", away, n),
			Fix: "Start them. What was confirmed is kept.",
		})
	}
	if err != nil {
		e.say(Finding{Check: "queue", Code: "servers", Level: Fail, Who: You, Text: sentence(err.Error()), Fix: "Look at the servers' logs."})
		return
	}
	e.streams(r.Streams)
}

func (e *exam) streams(all []jetstream.Stream) {
	leaders := make(map[string]bool)
	there, behind, bad := 0, 0, false
	for _, s := range all {
		if !s.There {
			continue
		}
		there++
		behind += s.Behind
		leaders[s.Leader] = true
		switch {
		case s.Leader == "":
			bad = true
			e.say(Finding{
				Check: "queue", Code: "no_leader", Level: Fail, Who: Network, Text: fmt.Sprintf("No server leads the stream %s.", s.Name),
				Fix: "A majority of its servers must be there; an election takes some seconds.",
			})
		case s.Replicas < 3:
			bad = true
			e.say(Finding{
				Check: "queue", Code: "few_replicas", Level: Fail, Who: You, Text: fmt.Sprintf("The stream %s has %d replicas: what waits is lost with a server.", s.Name, s.Replicas),
				Fix: fmt.Sprintf("nats stream edit %s --replicas 3", s.Name),
			})
		}
	}
	switch {
	case len(all) > 0 && there == 0:
		e.say(Finding{Check: "queue", Code: "no_streams", Level: Note, Text: "The queue has no streams yet: the first start makes them."})
	case there > 0 && !bad && behind > 0:
		e.say(Finding{
			Check: "queue", Code: "replicas_behind", Level: Warn, Text: fmt.Sprintf("Of the queue's %d streams %d replicas are behind or away: the loss of another server may stop it.", there, behind),
			Fix: "Wait, or start the server that is away.", Who: Network,
		})
	case there > 0 && !bad:
		e.say(Finding{Check: "queue", Code: "streams", Level: OK, Text: fmt.Sprintf("The queue has its %d streams, each on three servers or more, led by %d of them.", there, len(leaders))})
	}
}
