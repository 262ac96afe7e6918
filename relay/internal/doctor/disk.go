package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"relay/internal/disk"
	"relay/queue/local/directory"
	"relay/relay/internal/advice"
)

// Limits of the disk checks. A till's flash card syncs in about 20 ms; a sale should not
// wait much longer.
const (
	slowSync   = 50 * time.Millisecond
	syncRounds = 25
	lowSpace   = 0.05
	lowInodes  = 1000
)

// disk checks the disk of the queue.
func (e *exam) disk() {
	dir := e.Config.Dir()
	at := dir
	for {
		if info, err := os.Stat(at); err == nil {
			if !info.IsDir() {
				e.report(Finding{
					Check: "disk", Code: "not_a_directory", Level: Fail, Text: fmt.Sprintf("queue.path: %s is a file, not a directory.", at),
					Fix: "Set queue.path to a directory.", Who: You,
				})
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
	e.losses(dir)
	err := within(e.patience, func() error { return e.write(at) })
	if err != nil {
		e.unwritable(dir, at, err)
	}
	if !errors.Is(err, errHangs) {
		e.space(at)
	}
	if err == nil {
		e.speed(at)
	}
}

// unwritable reports why a small file could not be written, and the fix.
func (e *exam) unwritable(dir, at string, err error) {
	f := Finding{
		Check: "disk", Code: "unwritable", Level: Fail, Text: fmt.Sprintf("queue.path: relay cannot write to %s: %v.", at, plainNet(err)),
		Fix: fmt.Sprintf("Make it writable for relay's user (mkdir -p %s && chown …), or choose another queue.path.", dir), Who: You,
	}
	switch {
	case errors.Is(err, errHangs):
		f.Code = "hanging"
		f.Fix = "Check the kernel log (`dmesg`): the disk, its controller or its network does not respond, or the file system is frozen. Until it responds, relay answers 503; then it resumes by itself."
	case disk.NoSpace(err):
		f.Code = "full"
		f.Fix = "Free space on the volume. If it has space, delete small files: it has reached its limit of files. relay keeps delivering, and accepts events again by itself."
	case errors.Is(err, fs.ErrPermission):
		f.Fix = accessFix(dir)
	case errors.Is(err, syscall.EROFS):
		f.Code = "read_only"
		f.Fix = "The file system is mounted read-only. If the kernel log (`dmesg`) shows errors as the cause, stop relay, check the file system (fsck), mount it again, start relay, and replace the disk."
	case errors.Is(err, syscall.EIO):
		f.Code = "failing"
		f.Fix = "The disk is failing: check the kernel log (`dmesg`), make a backup (`relay backup`) while it is readable, and replace it."
	}
	e.report(f)
}

// accessFix returns how to give this process's user access to the queue in dir.
func accessFix(dir string) string {
	if a := directory.Access(dir); a != nil {
		return a.Fix()
	}
	return "Make everything in " + dir + " readable and writable for relay's user."
}

// losses reports damage and losses so far.
func (e *exam) losses(dir string) {
	m, _ := filepath.Glob(filepath.Join(dir, "*.bad"))
	bad := len(m)
	r := e.Running
	if bad > 0 || r.Lost > 0 {
		text := fmt.Sprintf("%d damaged files of the queue were quarantined in %s.", bad, dir)
		if r.Lost > 0 {
			text += fmt.Sprintf(" At least %d events have been lost in damaged files since relay started.", r.Lost)
		}
		e.report(Finding{
			Check: "disk", Code: "damaged", Level: Warn, Text: text, Who: You,
			Fix: "Check the kernel log (`dmesg`) and the health of the disk, and replace it if it fails. Keep the .bad files for support; delete them when they are no longer needed.",
		})
	}
	if r.Rebuilt {
		e.report(Finding{
			Check: "disk", Code: "rebuilt", Level: Warn, Who: You,
			Text: "meta.db was lost or damaged when relay started, so every event set started over at the oldest stored event. Some events are sent again; Meta recognises them for seven days.",
			Fix:  "Check the kernel log (`dmesg`) and the health of the disk.",
		})
	}
	if r.Dropped > 0 {
		e.report(Finding{
			Check: "disk", Code: "dropped", Level: Warn, Who: You,
			Text: fmt.Sprintf("The queue was full, and relay has dropped %d events since it started.", r.Dropped),
			Fix:  "Run `relay status` to see why events are not delivered, or raise queue.max_size.",
		})
	}
}

var errHangs = errors.New("the disk does not respond")

// within waits at most d for fn. After that fn keeps running: a system call that does not
// return cannot be cancelled.
func within(d time.Duration, fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("%w within %s", errHangs, d)
	}
}

func (e *exam) space(dir string) {
	v, err := disk.VolumeOf(dir)
	if err != nil {
		e.report(Finding{Check: "disk", Code: "space_unknown", Level: Note, Text: fmt.Sprintf("The free space on the volume of %s cannot be read: %v.", dir, err)})
		return
	}
	e.judgeSpace(dir, v)
}

func (e *exam) judgeSpace(dir string, v disk.Volume) {
	switch v.Kind {
	case "tmpfs", "ramfs":
		e.report(Finding{
			Check: "disk", Code: "memory", Level: Fail, Text: fmt.Sprintf("queue.path: %s is in memory (%s). A power cut loses events that were answered 200.", dir, v.Kind),
			Fix: "Put queue.path on a disk.", Who: You,
		})
	case "nfs", "smb", "fuse", "9p":
		e.report(Finding{
			Check: "disk", Code: "network_disk", Level: Warn, Text: fmt.Sprintf("queue.path: %s is on a %s file system, where file locks and syncs are not reliable.", dir, v.Kind),
			Fix: "Put queue.path on a local disk.", Who: You,
		})
	case "overlay":
		e.report(Finding{
			Check: "disk", Code: "container_layer", Level: Warn, Text: fmt.Sprintf("queue.path: %s is inside the container. The queue is lost when the container is replaced.", dir),
			Fix: "Mount a volume there.", Who: You,
		})
	}
	most := e.Config.Queue.MaxSize
	switch {
	case most > v.Size:
		e.report(Finding{
			Check: "disk", Code: "max_size", Level: Fail, Text: fmt.Sprintf("queue.max_size is %s, but the volume has only %s. relay will not start.", advice.Size(most), advice.Size(v.Size)),
			Fix: "Lower queue.max_size, or omit it: the default is the smaller of 4 GiB and 80 % of the volume.", Who: You,
		})
	case float64(v.Free) < lowSpace*float64(v.Size):
		e.report(Finding{
			Check: "disk", Code: "low_space", Level: Warn, Text: fmt.Sprintf("The volume of the queue has %s of %s left.", advice.Size(v.Free), advice.Size(v.Size)),
			Fix: "Free space on it. relay refuses new events before the disk is full.", Who: You,
		})
	default:
		e.report(Finding{Check: "disk", Code: "space", Level: OK, Text: fmt.Sprintf("The volume of the queue has %s of %s free.", advice.Size(v.Free), advice.Size(v.Size))})
	}
	if v.Files > 0 && v.FreeFiles < lowInodes {
		e.report(Finding{
			Check: "disk", Code: "low_inodes", Level: Warn, Text: fmt.Sprintf("The volume of the queue can hold only %d more files.", v.FreeFiles),
			Fix: "Delete small files there. relay cannot start a new segment if the volume is out of files.", Who: You,
		})
	}
}

// speed measures a small write and its sync, which each sale waits for.
func (e *exam) speed(dir string) {
	var took []time.Duration
	err := within(e.patience+2*time.Second, func() (err error) { took, err = measureSync(dir); return err })
	if errors.Is(err, errHangs) || disk.NoSpace(err) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO) {
		e.unwritable(e.Config.Dir(), dir, err)
		return
	}
	if err != nil {
		e.report(Finding{
			Check: "disk", Code: "sync_failed", Level: Fail, Text: fmt.Sprintf("A test file in %s could not be written and synced: %v.", dir, plainNet(err)),
			Fix: "Check the disk (`dmesg`), its free space and its mount options.", Who: You,
		})
		return
	}
	e.judgeSpeed(took)
}

func (e *exam) judgeSpeed(took []time.Duration) {
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	words := fmt.Sprintf("A synced write takes %s, at worst %s.", round(median), round(worst))
	switch {
	case worst >= e.Config.Intake.AppendTimeout:
		e.report(Finding{
			Check: "disk", Code: "hanging", Level: Fail, Text: words + " Events that take longer than intake.append_timeout are answered 503 (" + e.Config.Intake.AppendTimeout.String() + ").",
			Fix: "Put queue.path on another disk, or find out what keeps this one busy.", Who: You,
		})
	case median > slowSync:
		e.report(Finding{
			Check: "disk", Code: "slow", Level: Warn, Text: words + " Each sale waits this long for its answer.",
			Fix: "Put queue.path on a faster disk, or send events in batches.", Who: You,
		})
	default:
		e.report(Finding{Check: "disk", Code: "speed", Level: OK, Text: words})
	}
}

// measureSync measures repeated small writes and syncs, for about two seconds at most.
func measureSync(dir string) (took []time.Duration, err error) {
	f, err := tempIn(dir)
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
