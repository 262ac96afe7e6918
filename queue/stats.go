package queue

import "time"

// LaneStat is the current state of one lane.
type LaneStat struct {
	Name          string
	Revision      Revision
	Invalidations uint64           // rises when a caller other than the owner changes the pending records: what was read before is out of date
	Cursor        Seq              // every record before it is settled; Read returns the pending ones after it
	Pending       int64            // records not settled
	Bytes         int64            // size of their bodies
	Oldest        time.Time        // time of receipt of the first pending record; zero if there is none
	State         []byte           // as last settled
	Counts        map[string]int64 // outcomes of settled records since the lane was created
	Dropped       bool             // DropLane was called and nothing was appended since
}

// Stats is the current state of the queue. Reading it never touches the disk. Counters start at
// Open.
type Stats struct {
	Pending  int64     // records not settled, summed over lanes
	Oldest   time.Time // of all lanes
	Segments int
	Opening  bool // old segments are still being scanned; the numbers grow

	DiskBytes  int64 // segments, ids, dead letters and meta.db
	MaxSize    int64
	HighMark   int64 // at this size the queue refuses or drops records
	LowMark    int64 // below this size it accepts again
	VolumeFree int64
	VolumeSize int64
	Full       string // why nothing is accepted: "", "max_size" or "disk_full"
	Reserve    bool   // the emergency reserve file exists

	Appended   int64
	Duplicates int64
	Commits    int64
	Failures   int64            // commits that failed
	Voided     int64            // records discarded because the disk did not confirm them
	Dropped    map[string]int64 // records and dead letters dropped, by reason (DropReasons)

	SyncP50     time.Duration // of the last 1,024 commits
	SyncP99     time.Duration
	Waiting     int64  // bytes waiting for the writer
	LastError   string // of the last failed write; empty after a successful one
	LastErrorAt time.Time

	DedupIDs  int64 // client ids remembered
	SaleIDs   int64 // sale ids (BySale) remembered
	Dead      int64 // dead letters
	DeadBytes int64

	BadSegments    int64    // quarantined as .bad
	BadChunks      int64    // found damaged
	LostRecords    int64    // in damaged chunks and missing segments, as far as known
	MetaRebuilt    bool     // meta.db was unreadable at Open: cursors started over
	BadFiles       int      // *.bad files in the directory
	EncryptedKeyID uint32   // of the key that encrypts new data; 0: none
	KeysInUse      []uint32 // of keys that encrypted stored data; 0 means some of it is not encrypted
}

// Why records and dead letters are dropped: the keys of Stats.Dropped. A record that reaches an age
// limit is settled by the lane, not dropped.
const (
	DropKept         = "kept_max_size" // the queue is full: copies in LaneKept
	DropMaxSize      = "max_size"      // the queue is full: Options.DropOldest, or unmapped events
	DropOperator     = "operator"      // DropLane
	DropForgotten    = "forgotten"     // Forget, dead letters included
	DropDeadMaxSize  = "dead_max_size" // Options.DeadDropOldest
	DropDeadMaxAge   = "dead_max_age"  // Options.DeadMaxAge
	DropDeadOperator = "dead_operator" // DropDead
)

// DropReasons lists all reasons.
func DropReasons() []string {
	return []string{DropKept, DropMaxSize, DropOperator, DropForgotten, DropDeadMaxSize, DropDeadMaxAge, DropDeadOperator}
}
