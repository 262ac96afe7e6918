package sidecar

import (
	"fmt"

	"relay/config"
	"relay/queue"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
	"relay/relay/internal/track"
)

// noMapping is that of a relay that forwards: the hub's decides.
const noMapping = "version: 1\nevents: {}\n"

// ReadMapping reads the mapping that cfg names.
func ReadMapping(cfg *config.Config) ([]byte, error) {
	if cfg.Forward.URL != "" {
		return []byte(noMapping), nil
	}
	src, err := config.ReadTrusted(cfg.Mapping)
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	return src, nil
}

// forwards says whether this relay hands everything to another one.
func (s *Sidecar) forwards() bool { return s.started.Forward.URL != "" }

var forwarded = []string{queue.LaneForward}

// HubOptions are those of the connection to the relay that takes what cfg forwards.
func HubOptions(cfg *config.Config) graph.Options {
	g := cfg.Graph
	return graph.Options{Endpoint: cfg.Forward.URL, Proxy: g.Proxy, CAFile: g.CAFile, Timeout: g.Timeout, UserAgent: "relay/" + Build().Version}
}

// openForward makes ready what hands over, or what takes what others hand over.
func (s *Sidecar) openForward(cfg *config.Config, prints track.PrintKey) error {
	if !s.forwards() {
		s.hub = forward.NewHub(forward.HubOptions{
			Log: s.queue, Route: s.route, PrintKey: prints, Event: int(cfg.Intake.MaxEventBytes), Now: s.now, Logger: s.log,
		})
		return nil
	}
	post, err := graph.New(HubOptions(cfg))
	if err != nil {
		return exit.BadConfig(err)
	}
	epochs, err := forward.OpenEpochs(s.queue, s.queue.Began())
	if err != nil {
		return err
	}
	key := func() string { return s.settings.Load().Forward.Key.Reveal() }
	s.edge = forward.NewClient(post, key, epochs, Build().Version)
	return nil
}

// forwarder is what drain hands records to; nil: it maps and uploads them.
func (s *Sidecar) forwarder() drain.Forwarder {
	if s.edge == nil {
		return nil
	}
	return s.edge
}

// storesOf is what is known of the stores that the keys of a config name; a nil hub
// knows their names alone.
func storesOf(hub *forward.Hub, cfg func() *config.Config) func() []forward.Seen {
	if hub == nil {
		hub = forward.NewHub(forward.HubOptions{})
	}
	return func() []forward.Seen {
		var names []string
		for _, k := range cfg().Auth.Keys {
			if k.Store != "" {
				names = append(names, k.Store)
			}
		}
		return hub.Stores(names)
	}
}
