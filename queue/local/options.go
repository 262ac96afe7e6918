package local

import (
	"log/slog"
	"time"
)

// Options tune a queue; the zero value of each field means its default.
type Options struct {
	// SegmentSize is the size at which the tail is sealed. Default 64 MiB.
	SegmentSize int64
	// MaxSize bounds what the directory may hold on disk, all of its files
	// together. Default: the smaller of 4 GiB and 80 % of the volume. One
	// larger than the volume is refused. SegmentSize is at most a 16th of it,
	// dead letters take at most a quarter, remembered ids an eighth, those of sales another.
	MaxSize int64
	// DedupWindow and DedupIDs bound how long an id is remembered: at least until it
	// is older than the window or so many newer ones are, and about a quarter of the
	// window, or a file's ids, longer. Its age counts as that of a dead letter does
	// (DeadMaxAge). Keys that relay makes for itself (queue.ByKey)
	// count by the window alone. Defaults 24 h, 1 million.
	// queue.SaleWindow takes the place of DedupWindow for ids of sales (queue.BySale), of
	// which four times DedupIDs are remembered.
	DedupWindow time.Duration
	DedupIDs    int64
	// DropOldest makes room by dropping the oldest that the lane with most waiting
	// has when MaxSize is reached, counted, instead of refusing. When other files fill the volume
	// the queue refuses and drops nothing.
	DropOldest bool
	// DeadMaxSize bounds the dead letters (default 256 MiB), DeadMaxAge their
	// age (default: for ever), which counts between two times that Clock believes,
	// otherwise by the time for which the queue was open. DeadDropOldest drops the oldest when full,
	// otherwise settlements with dead letters fail with ErrDeadFull.
	DeadMaxSize    int64
	DeadMaxAge     time.Duration
	DeadDropOldest bool
	// Key encrypts what is written (32 bytes, AES-256-GCM); OldKeys still
	// open what was written with them.
	Key     []byte
	OldKeys [][]byte
	// AppendTimeout bounds how long an Append waits for the disk when its
	// context does not end before. Default 10 s.
	AppendTimeout time.Duration
	// IOTimeout bounds how long Read and Settle wait for the disk. Default 30 s.
	IOTimeout time.Duration
	// MaxWaiting bounds the bytes of appends waiting for the writer.
	// Default 32 MiB.
	MaxWaiting int64
	// NoSync leaves out every sync: what Append confirmed is lost with the
	// power. For tests of the tests, and imports that can be repeated.
	NoSync bool
	Logger *slog.Logger     // default: discards
	Now    func() time.Time // default: time.Now; run time is measured by it, and its monotonic reading
	// Clock tells the time and whether it is believed. Default: Now, not believed.
	Clock func() (now time.Time, believed bool)
}
