package admin

import (
	"time"

	"relay/relay/internal/spool"
)

// LaneError is the last thing that went wrong in a lane. Message is Meta's or
// the network's, cleaned of anything personal; Advice says in plain words what
// to do, and who must.
type LaneError struct {
	At         time.Time `json:"at"`
	Class      string    `json:"class,omitempty"`
	HTTPStatus int       `json:"http_status,omitempty"`
	Code       int       `json:"code"`
	Subcode    int       `json:"subcode"`
	Message    string    `json:"message"`
	FBTraceID  string    `json:"fbtrace_id,omitempty"`
	Advice     string    `json:"advice,omitempty"`
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
	Mapping   FileState              `json:"mapping"`
	Config    FileState              `json:"config"`
	Spool     *spool.DirectoryStatus `json:"spool,omitempty"` // where files are dropped
	Coverage  []Coverage             `json:"match_keys"`
	Totals    Totals                 `json:"totals"`
	ClockSkew float64                `json:"clock_skew_seconds"`
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

// LaneInfo is one event set.
type LaneInfo struct {
	Lane          string           `json:"lane"`
	Name          string           `json:"name,omitempty"`
	API           string           `json:"api,omitempty"`
	TestEventCode string           `json:"test_event_code,omitempty"`
	State         string           `json:"state"` // of package drain: idle, sending, waiting_retry, …
	Since         *time.Time       `json:"since"`
	Headline      string           `json:"headline"` // the state in plain words
	Next          string           `json:"next"`     // what happens next, and when
	Pending       int64            `json:"pending"`
	Bytes         int64            `json:"bytes"`
	InFlight      int              `json:"in_flight"`
	OldestAt      *time.Time       `json:"oldest_at"`
	LagSeconds    float64          `json:"lag_seconds"`
	NextAttemptAt *time.Time       `json:"next_attempt_at"`
	LastSuccessAt *time.Time       `json:"last_success_at"`
	LastAttemptAt *time.Time       `json:"last_attempt_at"`
	LastError     *LaneError       `json:"last_error"`
	InDoubt       bool             `json:"in_doubt"`          // a request of unknown fate will be sent again
	Paused        bool             `json:"paused"`            // by an operator
	DryRun        map[string]int64 `json:"dry_run,omitempty"` // what would have become of the backlog
	Failures      int              `json:"failures"`
	Usage         float64          `json:"usage_ratio"`
	Rate          float64          `json:"rate"` // settled a second
	DrainSeconds  *float64         `json:"drain_seconds"`
	Counts        map[string]int64 `json:"counts"`
	Dead          int64            `json:"dead"` // dead letters it has made
}

// Files are the two files relay reloads.
type Files struct {
	Config  FileState
	Mapping FileState
}

// FileState is config or mapping: what is in force, and what was refused.
type FileState struct {
	File       string     `json:"file,omitempty"`
	Digest     string     `json:"digest,omitempty"` // of what is in force
	LoadedAt   *time.Time `json:"loaded_at"`        // when that was accepted
	Generation int        `json:"generation"`
	OK         bool       `json:"ok"` // the last attempt was accepted
	FromStore  bool       `json:"from_store,omitempty"`
	Text       string     `json:"-"` // in force; mapping only
	Warnings   []Problem  `json:"warnings,omitempty"`
	// NeedRestart are the keys that relay takes over at its next start only.
	NeedRestart []string `json:"need_restart,omitempty"`
	Refused     *Refused `json:"refused,omitempty"`
	// Restless is a file that is written again and again, so that no change of it is
	// taken: the mapping; for config relay.yaml or a file it names.
	Restless *Restless `json:"restless,omitempty"`
}

// Restless is a file that is not still for long enough to be taken.
type Restless struct {
	File  string    `json:"file"`
	Since time.Time `json:"since"`
}

// Refused is a file that was not accepted.
type Refused struct {
	At       time.Time `json:"at"`
	Message  string    `json:"message"`
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one finding at its place; Line and Column count from 1, 0: unknown.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// ReloadResult is the outcome of POST /api/v1/reload.
type ReloadResult struct {
	Success     bool      `json:"success"`
	Code        string    `json:"code,omitempty"`    // config_refused, mapping_refused
	Message     string    `json:"message,omitempty"` // plain words
	Changed     []string  `json:"changed"`           // what is different now: config, mapping, token, rate, …
	NeedRestart []string  `json:"need_restart,omitempty"`
	Digest      string    `json:"digest,omitempty"` // mapping in force
	Problems    []Problem `json:"problems,omitempty"`
	Warnings    []Problem `json:"warnings,omitempty"`
}
