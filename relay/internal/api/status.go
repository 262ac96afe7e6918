package api

import (
	"time"

	"relay/relay/internal/spool"
)

// Ping is GET /api/v1/ping.
type Ping struct {
	Success  bool  `json:"success"`
	Build    Build `json:"build"`
	PID      int   `json:"pid"`
	SignedIn bool  `json:"signed_in"` // may see contents and change state
	Token    bool  `json:"token_configured"`
}

// Point is one point of GET /api/v1/history.
type Point struct {
	At        time.Time `json:"at"`
	Pending   int64     `json:"pending"`
	Dead      int64     `json:"dead"`
	Bytes     int64     `json:"bytes"`
	In        float64   `json:"in"`        // a second, since the point before
	Delivered float64   `json:"delivered"` // a second
}

// Build says what this binary is.
type Build struct {
	Version   string `json:"version"`
	Revision  string `json:"revision,omitempty"`
	GoVersion string `json:"go"`
}

// Status is GET /api/v1/status. A time that has not happened is null.
type Status struct {
	Build     Build                  `json:"build"`
	PID       int                    `json:"pid"`
	StartedAt time.Time              `json:"started_at"`
	Now       time.Time              `json:"now"`
	Ready     bool                   `json:"ready"`
	NotReady  []string               `json:"not_ready,omitempty"`
	Queue     QueueInfo              `json:"queue"`
	Rates     Rates                  `json:"rates"`
	Lanes     []LaneInfo             `json:"lanes"`
	Forwards  string                 `json:"forwards_to,omitempty"` // the hub that has the mapping; this relay has none then
	Mapping   FileState              `json:"mapping"`
	Config    FileState              `json:"config"`
	Spool     *spool.DirectoryStatus `json:"spool,omitempty"` // where files are dropped
	Coverage  []Coverage             `json:"match_keys"`
	Totals    Totals                 `json:"totals"`
	ClockSkew float64                `json:"clock_skew_seconds"`
	Delivers  *Delivers              `json:"delivers,omitempty"` // of a queue that several relays share
	Relays    []Relay                `json:"relays,omitempty"`   // the same: all of them, this one first
}

// Delivers says which of several relays delivers from their queue.
type Delivers struct {
	Here  bool   `json:"here"`
	Relay string `json:"relay,omitempty"` // the other one, as it names itself; empty: not known
	// Silent: the NATS servers do not answer, so that nobody can know who delivers.
	Silent bool `json:"silent,omitempty"`
}

// Relay is one of several that share a queue, as the one that is asked knows it.
type Relay struct {
	Name        string  `json:"name"`
	Here        bool    `json:"here"` // the one that is asked
	Delivers    bool    `json:"delivers"`
	Version     string  `json:"version,omitempty"`
	Mapping     string  `json:"mapping,omitempty"` // digest of the one in force there
	Stored      int64   `json:"stored"`            // events since its start
	SeenSeconds float64 `json:"seen_seconds"`      // since it was last heard of
}

// QueueInfo is the queue as a whole.
type QueueInfo struct {
	Pending       int64            `json:"pending"`  // conversions waiting, over all lanes
	Unmapped      int64            `json:"unmapped"` // events kept for a later mapping
	Refused       int64            `json:"refused"`  // unusable messages of batches that still wait to become dead letters: many while there is no room for those
	Opening       bool             `json:"opening"`  // old segments are still being looked at: numbers grow
	Bytes         int64            `json:"bytes"`    // on disk
	MaxBytes      int64            `json:"max_bytes"`
	DiskFree      int64            `json:"disk_free_bytes"`
	DiskSize      int64            `json:"disk_size_bytes"`
	Full          string           `json:"full,omitempty"` // why nothing is accepted: max_size, disk_full
	Segments      int              `json:"segments"`
	OldestAt      *time.Time       `json:"oldest_at"`
	Dead          int64            `json:"dead"`
	DeadBytes     int64            `json:"dead_bytes"`
	Appended      int64            `json:"appended"`                  // since the start
	Duplicates    int64            `json:"duplicates"`                // since the start
	Dropped       map[string]int64 `json:"dropped"`                   // removed by policy or operator, since the start
	DamagedChunks int64            `json:"damaged_chunks"`            // found since the start
	DamagedFiles  int64            `json:"damaged_segments"`          // quarantined since the start
	LostRecords   int64            `json:"lost_records"`              // in damaged chunks and files, as far as known, since the start
	BadFiles      int              `json:"bad_files"`                 // quarantined as damaged, and lying there now
	Rebuilt       bool             `json:"cursors_rebuilt"`           // at the start: meta.db was lost or damaged, some events are sent again
	Keys          []string         `json:"encryption_keys,omitempty"` // ids of the keys that what lies there needs; "none": something is not sealed
	SyncP99       float64          `json:"sync_p99_seconds"`
	LastError     string           `json:"last_error,omitempty"` // of the last failed write
	LastErrorAt   *time.Time       `json:"last_error_at,omitempty"`
	FullSeconds   *float64         `json:"full_in_seconds"` // at the rate of the last half minute; null: not filling
	DrainSeconds  *float64         `json:"drain_seconds"`   // null: unknown, or not draining
}

// Rates are per second, over the last half minute.
type Rates struct {
	In        float64 `json:"in"`        // events accepted
	Delivered float64 `json:"delivered"` // conversions
	Settled   float64 `json:"settled"`   // delivered, skipped or dead
}

// ReceivedIDConflict is the member of Totals.Received that counts events whose
// messageId was another event's.
const ReceivedIDConflict = "id_conflict"

// Totals since the start of this process.
type Totals struct {
	Received  map[string]int64 `json:"received"`
	Delivered int64            `json:"delivered"`
	Skipped   map[string]int64 `json:"skipped"`
	Dead      map[string]int64 `json:"dead"`
}

// Coverage says how many of the conversions that Meta has accepted had a match
// key. The three add up to the delivered ones.
type Coverage struct {
	Key      string `json:"key"`
	Sent     int64  `json:"sent"`
	Missing  int64  `json:"missing"`
	Unusable int64  `json:"unusable"`
}
