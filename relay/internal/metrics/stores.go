package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"relay/relay/internal/forward"
)

// The descriptions are constant. Stores are named in auth.keys, which bounds their number.
var (
	descStoreWaiting = desc("relay_store_waiting_events", "Pending events at a store's relay, as of when it last forwarded.", "store")
	descStoreOldest  = desc("relay_store_oldest_event_timestamp_seconds", "When the oldest pending event at a store's relay was received; 0: none is pending.", "store")
	descStoreSeen    = desc("relay_store_last_seen_timestamp_seconds", "When a store's relay last forwarded; 0: not since the start (with queue.nats: never).", "store")
	descStoreEvents  = desc("relay_store_forwarded_events", "Events that this relay has stored from a store's relay since its start.", "store")
)

// collectStores collects the states that stores' relays reported.
func collectStores(stores []forward.Seen, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	for _, s := range stores {
		var oldest, seen float64
		if !s.Oldest.IsZero() {
			oldest = unixSeconds(s.Oldest)
		}
		if !s.LastSeen.IsZero() {
			seen = unixSeconds(s.LastSeen)
		}
		gauge(descStoreWaiting, float64(s.Waiting), s.Store)
		gauge(descStoreOldest, oldest, s.Store)
		gauge(descStoreSeen, seen, s.Store)
		gauge(descStoreEvents, float64(s.Events), s.Store)
	}
}
