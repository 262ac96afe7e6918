package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/forward"
	"relay/relay/internal/spool"
)

// State is the state of queue and lanes for a scrape.
type State struct {
	Ready        bool // an event can be stored durably now
	Queue        queue.Stats
	Lanes        []api.LaneInfo
	Unmapped     int64 // events kept for a later mapping
	Refused      int64 // messages that will become dead letters
	DrainSeconds *float64
	Dropped      *spool.DirectoryStatus // nil: there is no directory of dropped files
	Stores       []forward.Seen
	Delivers     *api.Delivers // nil: no other relay has the same queue
}

// stateCollector reads queue and lanes at each scrape, so that these numbers are current and
// cost nothing in between.
type stateCollector struct{ look func() State }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// The descriptions below are constant.
var (
	descReady        = desc("relay_ready", "1 when an event can be stored durably now.")
	descDelivers     = desc("relay_delivers", "1 when this relay delivers from a queue that several relays share; absent where none is shared.")
	descQueueEvents  = desc("relay_queue_events", "Conversions in the queue, by state; dead ones are dead letters, unmapped ones events kept for a later mapping.", "state")
	descCapacity     = desc("relay_queue_capacity_events", "How many events would fit, guessed from the size of those waiting.")
	descSize         = desc("relay_queue_db_size_bytes", "What the queue's directory holds on disk.")
	descMax          = desc("relay_queue_db_max_bytes", "What it may hold (queue.max_size).")
	descFree         = desc("relay_queue_db_free_bytes", "What it may still take before it refuses.")
	descDiskFree     = desc("relay_disk_free_bytes", "Free space on the queue's volume.")
	descDiskSize     = desc("relay_disk_size_bytes", "Size of the queue's volume.")
	descSegments     = desc("relay_queue_segments", "Segment files.")
	descFull         = desc("relay_queue_full", "1 while the queue refuses events for want of space.")
	descOldest       = desc("relay_queue_oldest_event_timestamp_seconds", "When the oldest event not yet settled was received; 0 when none waits.")
	descDrain        = desc("relay_queue_drain_estimate_seconds", "When the backlog will be gone at the present rate; -1 when it is not draining.")
	descAppended     = desc("relay_queue_appended_events_total", "Events stored: those taken in, and those stored anew when dead letters are redriven, event sets moved or unmapped events mapped.")
	descDuplicates   = desc("relay_queue_duplicate_events_total", "Events that were stored already.")
	descCommits      = desc("relay_queue_commits_total", "Writes confirmed by the disk.")
	descFailures     = desc("relay_queue_commit_failures_total", "Writes the disk did not confirm.")
	descDropped      = desc("relay_queue_dropped_events_total", "Events and dead letters removed by a policy or by an operator.", "reason")
	descVoid         = desc("relay_queue_void_events_total", "Events in doubt after a failed sync whose copy was made void; their senders were answered 503.")
	descSyncP50      = desc("relay_queue_sync_median_seconds", "Median time of the disk's sync, over the last 1,024 commits.")
	descSyncP99      = desc("relay_queue_sync_p99_seconds", "99th percentile of the same.")
	descWaiting      = desc("relay_queue_waiting_bytes", "Bytes of requests waiting for the disk.")
	descDedup        = desc("relay_queue_dedup_ids", "Message ids remembered.")
	descSaleIDs      = desc("relay_queue_sale_ids", "Sales remembered by an id of their own (--id, spool: id).")
	descDeadBytes    = desc("relay_dead_letters_bytes", "Size of the dead letters.")
	descBadSegments  = desc("relay_queue_damaged_segments_total", "Segment files quarantined as damaged.")
	descBadChunks    = desc("relay_queue_damaged_chunks_total", "Damaged chunks found.")
	descLost         = desc("relay_queue_damaged_events_total", "Events lost with damaged chunks and files, as far as known.")
	descBadFiles     = desc("relay_queue_damaged_files", "Files that were quarantined as damaged (.bad) and lie in the queue's directory.")
	descRebuilt      = desc("relay_queue_cursors_rebuilt", "1 when meta.db was lost or damaged at the start: each event set started over at the oldest events, some are sent again.")
	descRefused      = desc("relay_queue_refused_events", "Unusable messages of batches, events whose id is another event's, and imported dead letters of another relay, that wait to become dead letters; they stay while there is no room for dead letters.")
	descLaneEvents   = desc("relay_lane_events", "Conversions waiting for an event set.", "event_set")
	descLaneBytes    = desc("relay_lane_bytes", "Size of the events waiting for an event set.", "event_set")
	descLaneOldest   = desc("relay_lane_oldest_event_timestamp_seconds", "When the oldest event waiting for an event set was received; 0 when none waits.", "event_set")
	descLaneState    = desc("relay_lane_state", "1 for the state an event set is in.", "event_set", "state")
	descLaneFailures = desc("relay_lane_consecutive_failures", "Attempts in a row that failed.", "event_set")
	descLaneNext     = desc("relay_lane_next_attempt_timestamp_seconds", "When the next attempt is due; 0 when none is waited for.", "event_set")
	descLastError    = desc("relay_lane_last_error_timestamp_seconds", "When something last went wrong for an event set, and what class of error it was.", "event_set", "class")
	descDryRun       = desc("relay_dry_run_conversions", "While graph.dry_run is on: what would become of the backlog of an event set (send, hold or skip), by reason.", "event_set", "outcome", "reason")
	descLastSuccess  = desc("relay_delivery_last_success_timestamp_seconds", "When Meta last accepted something for an event set; 0: not since the start.", "event_set")
)

// Describe sends only one description, because the lanes change.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) { ch <- descReady }

// Collect reads the state.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	now := c.look()
	st := now.Queue
	gauge(descReady, oneIf(now.Ready))
	collectSpool(now.Dropped, gauge)
	collectStores(now.Stores, gauge)
	if now.Delivers != nil {
		gauge(descDelivers, oneIf(now.Delivers.Here))
	}

	var pending, inflight, retry, bytes int64
	var oldest float64
	for _, l := range now.Lanes {
		set := l.Lane
		waiting := max(0, l.Pending-int64(l.InFlight))
		inflight += int64(l.InFlight)
		if l.Failures > 0 {
			retry += waiting
		} else {
			pending += waiting
		}
		bytes += l.Bytes
		gauge(descLaneEvents, float64(l.Pending), set)
		gauge(descLaneBytes, float64(l.Bytes), set)
		var at float64
		if l.OldestAt != nil {
			at = unixSeconds(*l.OldestAt)
			if oldest == 0 || at < oldest {
				oldest = at
			}
		}
		gauge(descLaneOldest, at, set)
		for _, state := range drain.States() {
			gauge(descLaneState, oneIf(l.State == string(state)), set, string(state))
		}
		gauge(descLaneFailures, float64(l.Failures), set)
		if l.LastError != nil {
			gauge(descLastError, unixSeconds(l.LastError.At), set, l.LastError.Class)
		}
		var next, success float64
		if l.NextAttemptAt != nil {
			next = unixSeconds(*l.NextAttemptAt)
		}
		if l.LastSuccessAt != nil {
			success = unixSeconds(*l.LastSuccessAt)
		}
		for key, n := range l.DryRun {
			outcome, reason := cutOutcome(key)
			if outcome == "dead" {
				outcome = "hold"
			}
			gauge(descDryRun, float64(n), set, outcome, reason)
		}
		gauge(descLaneNext, next, set)
		gauge(descLastSuccess, success, set)
	}
	gauge(descQueueEvents, float64(pending), "pending")
	gauge(descQueueEvents, float64(inflight), "inflight")
	gauge(descQueueEvents, float64(retry), "retry")
	gauge(descQueueEvents, float64(st.Dead), "dead")
	gauge(descQueueEvents, float64(now.Unmapped), "unmapped")
	gauge(descOldest, oldest)
	if d := now.DrainSeconds; d != nil {
		gauge(descDrain, *d)
	} else {
		gauge(descDrain, -1)
	}
	if n := pending + inflight + retry; n > 0 && st.DiskBytes > 0 {
		// Segments are compressed, so only the average size of an event is known.
		gauge(descCapacity, float64(st.MaxSize)/max(1, float64(st.DiskBytes-st.DeadBytes)/float64(n)))
	}
	gauge(descSize, float64(st.DiskBytes))
	gauge(descMax, float64(st.MaxSize))
	gauge(descFree, float64(max(0, st.HighMark-st.DiskBytes)))
	gauge(descDiskFree, float64(st.VolumeFree))
	gauge(descDiskSize, float64(st.VolumeSize))
	gauge(descSegments, float64(st.Segments))
	gauge(descFull, oneIf(st.Full != ""))
	counter(descAppended, st.Appended)
	counter(descDuplicates, st.Duplicates)
	counter(descCommits, st.Commits)
	counter(descFailures, st.Failures)
	for _, reason := range queue.DropReasons() {
		counter(descDropped, st.Dropped[reason], reason)
	}
	counter(descVoid, st.Voided)
	gauge(descSyncP50, st.SyncP50.Seconds())
	gauge(descSyncP99, st.SyncP99.Seconds())
	gauge(descWaiting, float64(st.Waiting))
	gauge(descDedup, float64(st.DedupIDs))
	gauge(descSaleIDs, float64(st.SaleIDs))
	gauge(descDeadBytes, float64(st.DeadBytes))
	counter(descBadSegments, st.BadSegments)
	counter(descBadChunks, st.BadChunks)
	counter(descLost, st.LostRecords)
	gauge(descRefused, float64(now.Refused))
	gauge(descBadFiles, float64(st.BadFiles))
	gauge(descRebuilt, oneIf(st.MetaRebuilt))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
