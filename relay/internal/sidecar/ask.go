package sidecar

import (
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/api"
)

// What others ask of a running relay.

// Addr is the first address that takes events.
func (s *Sidecar) Addr() string { return s.server.Addrs()[0].String() }

// AdminAddr is the address of the status page.
func (s *Sidecar) AdminAddr() string { return s.admin.Addr() }

// Status is what the status page shows.
func (s *Sidecar) Status() api.Status { return s.admin.Status() }

// Mapping is the mapping in force.
func (s *Sidecar) Mapping() *mapper.Mapping { return s.mapping.Mapping() }

// Lane is what the queue knows of a lane.
func (s *Sidecar) Lane(name string) (queue.LaneStat, bool) { return s.queue.Lane(name) }
