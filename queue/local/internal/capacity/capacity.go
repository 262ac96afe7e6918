// Package capacity decides when a queue is full and what it does to free space. It is
// pure: the caller passes in sizes, so every decision is a row of a table in its tests.
package capacity

// Why intake is closed.
const (
	MaxSize  = "max_size"  // the queue has reached its own limit
	DiskFull = "disk_full" // the volume is full, whoever filled it
)

// MinFiles is how many files the volume must still be able to hold for intake to be
// open: draining needs some, for dead letters and for files that are rewritten.
const MinFiles = 8

// Marks are the limits of a queue and its volume, in bytes. Invariant:
// Low <= High <= Hard <= the size they were made for.
type Marks struct {
	High  int64 // intake closes here, or with Drops the oldest records are dropped
	Low   int64 // intake opens again here
	Hard  int64 // no commit can pass this: the rest is reserved for settling
	Floor int64 // with fewer free bytes on the volume intake is closed
	Drops bool  // a full queue drops its oldest records
}

// NewMarks returns the limits of a queue of size bytes in segments of segment bytes on
// a volume of volume bytes. Dead letters, ids and meta.db grow while a full queue
// drains: hence the space above High.
func NewMarks(size, segment, volume int64, drops bool) Marks {
	m := Marks{Drops: drops, Floor: min(64<<20, volume/50)}
	m.High = size - max(size/20, min(2*segment, size/8))
	m.Hard = m.High + (size-m.High)/2
	m.Low = m.High - max(size/10, min(2*segment, size/4))
	return m
}

// Usage is how full a queue and its volume are.
type Usage struct {
	Full     string // the last result of Marks.Full
	Used     int64  // bytes of the directory
	VolFree  int64  // free bytes of the volume
	VolFiles int64  // how many more files the volume can hold
}

// Full returns why intake is closed: MaxSize, DiskFull, or "" if it is open. Intake
// opens at a lower mark than it closes at.
func (m Marks) Full(u Usage) string {
	switch {
	case m.volumeFull(u):
		return DiskFull
	case u.Used >= m.High && !m.Drops: // with Drops each commit frees the space it needs
		return MaxSize
	case u.Full == DiskFull && (u.VolFiles < 2*MinFiles || u.VolFree < m.Floor+m.Floor/2):
		return DiskFull
	case u.Full == MaxSize && u.Used > m.Low && !m.Drops:
		return MaxSize
	}
	return ""
}

func (m Marks) volumeFull(u Usage) bool { return u.VolFiles < MinFiles || u.VolFree < m.Floor }

// Action is what a queue does to free space. Each includes the ones before it.
type Action int

// The actions.
const (
	Nothing    Action = iota
	Compact           // rewrite segments without settled records: nothing is lost
	Drop              // if that frees nothing: drop unmapped events and quarantined files
	DropOldest        // if that frees nothing: drop the oldest records
)

// Decide returns what to do to free space. Invariant: data is dropped only for the
// queue's own limit, never because something else fills the volume.
func (m Marks) Decide(u Usage) Action {
	switch atLimit := u.Full == MaxSize || u.Used >= m.High; {
	case atLimit && m.Drops:
		return DropOldest
	case atLimit:
		return Drop
	case u.Full == DiskFull && m.volumeFull(u):
		return Compact
	}
	return Nothing // a disk-full intake that is still closed is waiting for its lower mark
}
