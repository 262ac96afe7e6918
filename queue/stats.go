package queue

import "time"

// LaneStat is one lane as it stands.
type LaneStat struct {
	Name     string
	Revision Revision
	Void     uint64           // raised when others than its owner change what the lane has waiting: what was read before is void
	Cursor   Seq              // nothing before it waits; what waits behind it, Read says
	Pending  int64            // records waiting
	Bytes    int64            // size of their bodies
	Oldest   time.Time        // time of receipt of the first waiting record; zero when none waits
	State    []byte           // as last settled
	Counts   map[string]int64 // what settled records became, since the lane exists
	Dropped  bool             // DropLane was called and nothing came since
}

// Stats is the queue as it stands. Reading it never touches the disk.
type Stats struct {
	Pending  int64     // records waiting, summed over lanes
	Oldest   time.Time // of all lanes
	Segments int
	Opening  bool // old segments are still being looked at; numbers grow

	DiskBytes  int64 // segments, ids, dead letters and meta.db
	MaxSize    int64
	HighMark   int64 // refuses at, or drops
	LowMark    int64 // accepts again below
	VolumeFree int64
	VolumeSize int64
	Full       string // why nothing is accepted: "", "max_size", "disk_full"
	Reserve    bool   // the emergency reserve is in place

	Appended   int64 // since Open
	Duplicates int64
	Commits    int64
	Failures   int64            // commits that failed
	Void       int64            // records in doubt that were made void, since Open
	Dropped    map[string]int64 // records and dead letters dropped, per reason of DropReasons; since Open

	SyncP50     time.Duration // of the last 1,024 commits
	SyncP99     time.Duration
	Waiting     int64  // bytes waiting for the writer
	LastError   string // of the last failed write; empty after a good one
	LastErrorAt time.Time

	DedupIDs  int64 // ids of clients that are remembered
	SaleIDs   int64 // ids of sales (BySale) that are remembered
	Dead      int64 // dead letters
	DeadBytes int64

	BadSegments    int64    // quarantined as .bad, since Open
	BadChunks      int64    // found damaged, since Open
	LostRecords    int64    // in damaged chunks and missing segments, as far as known, since Open
	MetaRebuilt    bool     // meta.db was unreadable at Open: cursors start over
	BadFiles       int      // *.bad lying in the directory
	EncryptedKeyID uint32   // seals what is written; 0: none
	KeysInUse      []uint32 // have sealed something that lies there; 0 among them: something is plain
}

// Why records and dead letters are dropped: the keys of Stats.Dropped. What an
// age limit on events ends is settled by whoever sets it, and not dropped.
const (
	DropKept         = "kept_max_size" // of LaneKept, of a full queue: copies of what was handed over
	DropMaxSize      = "max_size"      // Options.DropOldest, or unmapped events of a full queue
	DropOperator     = "operator"      // DropLane
	DropForgotten    = "forgotten"     // Forget, dead letters included
	DropDeadMaxSize  = "dead_max_size" // Options.DeadDropOldest
	DropDeadMaxAge   = "dead_max_age"  // Options.DeadMaxAge
	DropDeadOperator = "dead_operator" // DropDead
)

// DropReasons lists them.
func DropReasons() []string {
	return []string{DropKept, DropMaxSize, DropOperator, DropForgotten, DropDeadMaxSize, DropDeadMaxAge, DropDeadOperator}
}
