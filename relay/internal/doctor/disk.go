package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Bounds of the disk checks. A till's flash card syncs in some 20 ms; a sale
// should not wait much longer.
const (
	slowSync   = 50 * time.Millisecond
	syncRounds = 25
	lowSpace   = 0.05
	lowInodes  = 1000
)

// volume is what the system says of the file system under a path.
type volume struct {
	size, free    int64
	inodes, iFree int64  // 0, 0: not told
	kind          string // nfs, tmpfs …; empty: an ordinary one
}

// disk looks at where the queue lies.
func (e *exam) disk() {
	dir := e.Config.Queue.Path
	at := dir
	for {
		if info, err := os.Stat(at); err == nil {
			if !info.IsDir() {
				e.say(Finding{Check: "disk", Code: "not_a_directory", Level: Fail, Text: fmt.Sprintf("queue.path: %s is a file, not a directory.", at),
					Fix: "Give queue.path a directory.", Who: You})
				return
			}
			break
		}
		parent := filepath.Dir(at)
		if parent == at {
			break
		}
		at = parent
	}
	if err := tryWrite(at); err != nil {
		e.say(Finding{Check: "disk", Code: "unwritable", Level: Fail, Text: fmt.Sprintf("queue.path: relay cannot write to %s: %v.", at, plainNet(err)),
			Fix: fmt.Sprintf("Make it writable for the user that relay runs as (mkdir -p %s && chown …), or choose another queue.path.", dir), Who: You})
		return
	}
	e.space(at)
	e.speed(at)
}

func (e *exam) space(dir string) {
	v, err := statVolume(dir)
	if err != nil {
		e.say(Finding{Check: "disk", Code: "space_unknown", Level: Note, Text: fmt.Sprintf("The space of the volume of %s cannot be told: %v.", dir, err)})
		return
	}
	e.judgeSpace(dir, v)
}

func (e *exam) judgeSpace(dir string, v volume) {
	switch v.kind {
	case "tmpfs", "ramfs":
		e.say(Finding{Check: "disk", Code: "memory", Level: Fail, Text: fmt.Sprintf("queue.path: %s lies in memory (%s): a power cut loses what was answered 200.", dir, v.kind),
			Fix: "Put queue.path on a disk.", Who: You})
	case "nfs", "smb", "fuse", "9p":
		e.say(Finding{Check: "disk", Code: "network_disk", Level: Warn, Text: fmt.Sprintf("queue.path: %s lies on a file system of kind %s, on which file locks and syncs are not to be trusted.", dir, v.kind),
			Fix: "Put queue.path on a local disk.", Who: You})
	case "overlay":
		e.say(Finding{Check: "disk", Code: "container_layer", Level: Warn, Text: fmt.Sprintf("queue.path: %s lies in the container itself: it goes when the container is replaced.", dir),
			Fix: "Mount a volume at queue.path.", Who: You})
	}
	most := e.Config.Queue.MaxSize
	switch {
	case most > v.size:
		e.say(Finding{Check: "disk", Code: "max_size", Level: Fail, Text: fmt.Sprintf("queue.max_size is %s, and the volume has %s: relay will not start.", size(most), size(v.size)),
			Fix: "Lower queue.max_size, or leave it out: then it is the smaller of 4 GiB and 80 % of the volume.", Who: You})
	case float64(v.free) < lowSpace*float64(v.size):
		e.say(Finding{Check: "disk", Code: "low_space", Level: Warn, Text: fmt.Sprintf("The volume of the queue has %s of %s left.", size(v.free), size(v.size)),
			Fix: "Free space on it: relay refuses new events before the disk is full.", Who: You})
	default:
		e.say(Finding{Check: "disk", Code: "space", Level: OK, Text: fmt.Sprintf("The volume of the queue has %s of %s free.", size(v.free), size(v.size))})
	}
	if v.inodes > 0 && v.iFree < lowInodes {
		e.say(Finding{Check: "disk", Code: "low_inodes", Level: Warn, Text: fmt.Sprintf("The volume of the queue can hold only %d more files.", v.iFree),
			Fix: "Remove small files there: relay cannot begin a new segment without room for one.", Who: You})
	}
}

// speed measures what a sale waits for: a small write and its sync.
func (e *exam) speed(dir string) {
	took, err := measureSync(dir)
	if err != nil {
		e.say(Finding{Check: "disk", Code: "sync_failed", Level: Fail, Text: fmt.Sprintf("A test file in %s could not be written and synced: %v.", dir, plainNet(err)),
			Fix: "Check the disk (`dmesg`), its free space and its mount options.", Who: You})
		return
	}
	e.judgeSpeed(took)
}

func (e *exam) judgeSpeed(took []time.Duration) {
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	words := fmt.Sprintf("A write that is safe from a power cut takes %s, at worst %s.", round(median), round(worst))
	switch {
	case worst >= e.Config.Intake.AppendTimeout:
		e.say(Finding{Check: "disk", Code: "hanging", Level: Fail, Text: words + " Events are answered 503 after intake.append_timeout (" + e.Config.Intake.AppendTimeout.String() + ").",
			Fix: "Put queue.path on another disk, or see what keeps this one busy.", Who: You})
	case median > slowSync:
		e.say(Finding{Check: "disk", Code: "slow", Level: Warn, Text: words + " Each sale waits that long for its answer.",
			Fix: "Put queue.path on a faster disk, or send events in batches.", Who: You})
	default:
		e.say(Finding{Check: "disk", Code: "speed", Level: OK, Text: words})
	}
}

// measureSync writes and syncs a small file again and again, for two seconds
// at most.
func measureSync(dir string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".relay-doctor-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	block := make([]byte, 4096)
	begin := time.Now()
	for i := range syncRounds {
		start := time.Now()
		if _, err := f.WriteAt(block, int64(i)*int64(len(block))); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		if time.Since(begin) > 2*time.Second {
			break
		}
	}
	return took, nil
}

func round(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func size(n int64) string {
	for _, u := range []struct {
		n    int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.n {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.n), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
