package segment

import (
	"fmt"
	"os"
	"runtime"

	"relay/internal/disk"
	"relay/queue/local/internal/step"
)

const (
	fillLeast = 128 << 10
	fillMost  = 4 << 20
	fillSlack = 64 << 10 // pages that a commit rewrites beside its data
)

// ahead is how far the zeros go beyond what is needed: some of what there is,
// and never so much that small segments are mostly zeros.
func (s *File) ahead() int64 {
	return min(max(s.used/8, fillLeast), fillMost, s.size/8)
}

// slack is fillSlack, less for small segments.
func (s *File) slack() int64 { return min(fillSlack, max(s.size/8, fillSlack/2)) }

// Growth is the most by which a commit of n bytes makes the tail grow on disk.
func (s *File) Growth(n int64) int64 {
	if need := s.used + n + n/4 + s.slack(); need > max(s.filled, s.used) {
		return max(0, need+s.ahead()-max(s.filled, s.used))
	}
	return 0
}

// OnDisk is what the tail takes on disk.
func (s *File) OnDisk() int64 {
	fi, err := os.Stat(s.Path)
	if err != nil {
		return s.used
	}
	return max(s.used, disk.Used(fi))
}

// fill makes room for a commit of n bytes: it writes zeros behind what the tail
// has used and syncs them, some way ahead. A commit then only overwrites blocks
// that the file has already. Its sync waits for its own data and for no
// journal, and is true to the letter: where blocks are new, ext4 marks them as
// written after the data, and a disk that goes away in between may have
// confirmed a sync of what later reads as zeros.
//
// It only helps. Without room for the zeros the commit finds out itself
// whether it fits.
func (s *File) fill(n int64) error {
	need := s.used + n + n/4 + s.slack()
	if need <= s.filled || runtime.GOOS == "windows" {
		return nil
	}
	f, err := disk.OpenOwn(s.Path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open segment to make room: %w", err)
	}
	defer f.Close()
	defer step.Begin(step.Commit, s.Path)()
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("make room in segment: %w", err)
	}
	from := fi.Size() // bbolt may have made the file longer: what lies below is its own
	to := (need + s.ahead()) &^ (int64(len(zeros)) - 1)
	// Page by page: the page cache would keep what is written at once as one
	// large folio, and count and maybe write all of it for each page of a commit.
	for at := from; at < to && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), to-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	s.filled = to // a second try would fare no better
	if err != nil && !disk.NoSpace(err) {
		return fmt.Errorf("make room in segment: %w", err)
	}
	return nil
}

var zeros [4 << 10]byte
