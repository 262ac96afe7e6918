package api

import (
	"time"

	"relay/relay/internal/spool"
)

// Ping is the answer to GET /api/v1/ping.
type Ping struct {
	Success  bool  `json:"success"`
	Build    Build `json:"build"`
	PID      int   `json:"pid"`
	SignedIn bool  `json:"signed_in"` // can see contents and change state
	Token    bool  `json:"token_configured"`
}

// Point is a point of GET /api/v1/history.
type Point struct {
	At        time.Time `json:"at"`
	Pending   int64     `json:"pending"`
	Dead      int64     `json:"dead"`
	Bytes     int64     `json:"bytes"`
	In        float64   `json:"in"`        // per second, since the previous point
	Delivered float64   `json:"delivered"` // per second
}

// Build is the version of the binary.
type Build struct {
	Version   string `json:"version"`
	Revision  string `json:"revision,omitempty"`
	GoVersion string `json:"go"`
}

// Status is the answer to GET /api/v1/status. An event that has not happened has a null
// time.
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
	Forwards  string                 `json:"forwards_to,omitempty"` // the hub, if this relay forwards; it then has no mapping
	Mapping   FileState              `json:"mapping"`
	Config    FileState              `json:"config"`
	Spool     *spool.DirectoryStatus `json:"spool,omitempty"` // the spool directory, if there is one
	Coverage  []Coverage             `json:"match_keys"`
	Totals    Totals                 `json:"totals"`
	ClockSkew float64                `json:"clock_skew_seconds"`
	Delivers  *Delivers              `json:"delivers,omitempty"` // only with queue.nats
	Relays    []Relay                `json:"relays,omitempty"`   // only with queue.nats: the relays that share the queue, this one first
}

// Delivers is which of the relays that share a queue delivers from it.
type Delivers struct {
	Here  bool   `json:"here"`
	Relay string `json:"relay,omitempty"` // name of the other relay; "": unknown
	// Silent: the NATS servers do not answer, so it is unknown which relay delivers.
	Silent bool `json:"silent,omitempty"`
}

// Relay is one of the relays that share a queue, as seen by the relay that answers.
type Relay struct {
	Name        string  `json:"name"`
	Here        bool    `json:"here"` // the relay that answers
	Delivers    bool    `json:"delivers"`
	Version     string  `json:"version,omitempty"`
	Mapping     string  `json:"mapping,omitempty"` // digest of its mapping
	Stored      int64   `json:"stored"`            // events since its start
	SeenSeconds float64 `json:"seen_seconds"`      // since its last message
}

// QueueInfo is the state of the queue. Counters count since the start unless they say
// otherwise.
type QueueInfo struct {
	Pending       int64            `json:"pending"`  // conversions waiting, over all lanes
	Unmapped      int64            `json:"unmapped"` // events kept for a later mapping
	Refused       int64            `json:"refused"`  // unusable messages of batches waiting to become dead letters; many if there is no room for letters
	Opening       bool             `json:"opening"`  // old segments are still being read, so numbers are incomplete
	Bytes         int64            `json:"bytes"`    // on disk
	MaxBytes      int64            `json:"max_bytes"`
	DiskFree      int64            `json:"disk_free_bytes"`
	DiskSize      int64            `json:"disk_size_bytes"`
	Full          string           `json:"full,omitempty"` // why events are refused: max_size, disk_full; "": they are not
	Segments      int              `json:"segments"`
	OldestAt      *time.Time       `json:"oldest_at"`
	Dead          int64            `json:"dead"`
	DeadBytes     int64            `json:"dead_bytes"`
	Appended      int64            `json:"appended"`                  // events stored
	Duplicates    int64            `json:"duplicates"`                // events with a known id
	Dropped       map[string]int64 `json:"dropped"`                   // events removed by policy or operator
	DamagedChunks int64            `json:"damaged_chunks"`            // damaged chunks found
	DamagedFiles  int64            `json:"damaged_segments"`          // damaged files quarantined
	LostRecords   int64            `json:"lost_records"`              // events lost in them, as far as known
	BadFiles      int              `json:"bad_files"`                 // quarantined files that are there now
	Rebuilt       bool             `json:"cursors_rebuilt"`           // meta.db was lost or damaged at the start: some events are sent again
	Keys          []string         `json:"encryption_keys,omitempty"` // ids of the keys that the files need; "none": some data is not encrypted
	SyncP99       float64          `json:"sync_p99_seconds"`
	LastError     string           `json:"last_error,omitempty"` // of a write
	LastErrorAt   *time.Time       `json:"last_error_at,omitempty"`
	FullSeconds   *float64         `json:"full_in_seconds"` // at the growth of the last half minute; null: not growing
	DrainSeconds  *float64         `json:"drain_seconds"`   // null: unknown, or not draining
}

// Rates are events per second over the last half minute.
type Rates struct {
	In        float64 `json:"in"`        // events accepted
	Delivered float64 `json:"delivered"` // conversions
	Settled   float64 `json:"settled"`   // delivered, skipped or dead
}

// ReceivedIDConflict is the key of Totals.Received for events with another event's
// messageId.
const ReceivedIDConflict = "id_conflict"

// Totals are counters since the start of the process.
type Totals struct {
	Received  map[string]int64 `json:"received"`
	Delivered int64            `json:"delivered"`
	Skipped   map[string]int64 `json:"skipped"`
	Dead      map[string]int64 `json:"dead"`
}

// Coverage counts how many of the conversions that Meta accepted had a match key. The three
// add up to the delivered conversions.
type Coverage struct {
	Key      string `json:"key"`
	Sent     int64  `json:"sent"`
	Missing  int64  `json:"missing"`
	Unusable int64  `json:"unusable"`
}
