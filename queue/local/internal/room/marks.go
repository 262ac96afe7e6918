package room

// Why a queue takes nothing.
const (
	MaxSize  = "max_size"  // it has reached its own bound
	DiskFull = "disk_full" // the volume has, whoever fills it
)

// FilesFloor is how many files the volume must still take for anything to be
// accepted: what drains needs some, for dead letters and for what is rewritten.
const FilesFloor = 8

// Marks say how much a queue and its volume may hold, in bytes. Invariant:
// Low <= High <= Hard <= the size they were made for.
type Marks struct {
	High  int64 // at which intake is shut, or with Drops the oldest make room
	Low   int64 // at which intake opens again
	Hard  int64 // what no commit may pass: the rest is for settling
	Floor int64 // free bytes of the volume under which nothing is accepted
	Drops bool  // the oldest make room
}

// NewMarks are those of a queue of so many bytes in segments of so many on a
// volume. Dead letters, ids and meta.db go on growing while what is full drains:
// hence the room above High.
func NewMarks(size, segment, volume int64, drops bool) Marks {
	m := Marks{Drops: drops, Floor: min(64<<20, volume/50)}
	m.High = size - max(size/20, min(2*segment, size/8))
	m.Hard = m.High + (size-m.High)/2
	m.Low = m.High - max(size/10, min(2*segment, size/4))
	return m
}

// View is a queue and its volume as they stand.
type View struct {
	Full     string // what Full said last
	Used     int64  // by the directory
	VolFree  int64
	VolFiles int64 // that the volume still takes
}

// Full says why nothing is accepted, if so. It opens intake some way behind where
// it shuts it.
func (m Marks) Full(v View) string {
	switch {
	case m.short(v):
		return DiskFull
	case v.Used >= m.High && !m.Drops: // else each commit makes the room that it needs
		return MaxSize
	case v.Full == DiskFull && (v.VolFiles < 2*FilesFloor || v.VolFree < m.Floor+m.Floor/2):
		return DiskFull
	case v.Full == MaxSize && v.Used > m.Low && !m.Drops:
		return MaxSize
	}
	return ""
}

func (m Marks) short(v View) bool { return v.VolFiles < FilesFloor || v.VolFree < m.Floor }

// Action is what is to be done for room.
type Action int

// The actions, each with what the ones before it do.
const (
	Nothing    Action = iota
	Squeeze           // rewrite segments to what is waited for: nothing is lost by it
	Drop              // that, and when it frees nothing: what nobody maps, what was quarantined as damaged
	DropOldest        // all that, and when it frees nothing: the oldest
)

// Decide says what is to be done for room. Invariant: something is dropped only
// for the bound of the queue itself, whatever else fills the volume.
func (m Marks) Decide(v View) Action {
	switch atBound := v.Full == MaxSize || v.Used >= m.High; {
	case atBound && m.Drops:
		return DropOldest
	case atBound:
		return Drop
	case v.Full == DiskFull && m.short(v):
		return Squeeze
	}
	return Nothing // if intake is shut, there is room already, but not enough yet to open it
}
