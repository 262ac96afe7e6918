package local

import (
	"log/slog"
	"time"
)

// Options configure a queue. The zero value of each field means its default.
type Options struct {
	// SegmentSize is the size at which the tail is sealed. Default 64 MiB.
	SegmentSize int64
	// MaxSize limits the size of all files in the directory together. Default: the smaller of
	// 4 GiB and 80 % of the volume. A size larger than the volume is an error. SegmentSize is
	// at most a 16th of MaxSize; dead letters take at most a quarter, remembered ids an
	// eighth, and those of sales another eighth.
	MaxSize int64
	// DedupWindow and DedupIDs limit how long an id is remembered: until it is older than the
	// window or DedupIDs newer ones are remembered. It is remembered for up to a quarter of the
	// window, or the ids of one file, longer. Its age is measured like that of a dead letter
	// (DeadMaxAge). For keys that relay makes for itself (queue.ByKey) only the window
	// applies. Defaults: 24 h, 1 million.
	//
	// For ids of sales (queue.BySale) queue.SaleWindow replaces DedupWindow, and four times
	// DedupIDs are remembered.
	DedupWindow time.Duration
	DedupIDs    int64
	// DropOldest makes a queue that has reached MaxSize drop the oldest records of the lane
	// with the most pending bytes, counted, instead of refusing appends. If other files fill
	// the volume the queue refuses appends and drops nothing.
	DropOldest bool
	// DeadMaxSize limits the size of the dead letters (default 256 MiB), DeadMaxAge their age
	// (default: no limit). An age is the difference of two times that Clock trusts, or else
	// the time the queue was open. When full, DeadDropOldest drops the oldest letters;
	// otherwise settlements with dead letters fail with ErrDeadFull.
	DeadMaxSize    int64
	DeadMaxAge     time.Duration
	DeadDropOldest bool
	// Key encrypts what is written (32 bytes, AES-256-GCM); OldKeys decrypt what was written
	// with them.
	Key     []byte
	OldKeys [][]byte
	// AppendTimeout limits how long an Append waits for the disk, unless its context ends
	// earlier. Default 10 s.
	AppendTimeout time.Duration
	// IOTimeout limits how long Read and Settle wait for the disk. Default 30 s.
	IOTimeout time.Duration
	// MaxWaiting limits the bytes of appends waiting for the writer. Default 32 MiB.
	MaxWaiting int64
	// NoSync omits every sync: a power cut loses confirmed records. For tests, and for imports
	// that can be repeated.
	NoSync bool
	Logger *slog.Logger     // default: discards
	Now    func() time.Time // default: time.Now; measures run time, using its monotonic reading
	// Clock returns the time of day and whether it is trusted. Default: Now, not trusted.
	Clock func() (now time.Time, trusted bool)
}
