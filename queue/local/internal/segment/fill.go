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
	fillSlack = 64 << 10 // for pages that a commit rewrites beside its data
)

// ahead returns how many zeros are written beyond what is needed: a share of the file,
// limited so that a small segment does not consist mostly of zeros.
func (s *File) ahead() int64 {
	return min(max(s.used/8, fillLeast), fillMost, s.size/8)
}

// slack returns fillSlack, or less for small segments.
func (s *File) slack() int64 { return min(fillSlack, max(s.size/8, fillSlack/2)) }

// Growth returns the most bytes by which a commit of n bytes can grow the tail on disk.
func (s *File) Growth(n int64) int64 {
	if need := s.used + n + n/4 + s.slack(); need > max(s.filled, s.used) {
		return max(0, need+s.ahead()-max(s.filled, s.used))
	}
	return 0
}

// OnDisk returns how many bytes the tail occupies on disk.
func (s *File) OnDisk() int64 {
	fi, err := os.Stat(s.Path)
	if err != nil {
		return s.used
	}
	return max(s.used, disk.Used(fi))
}

// fill allocates space for a commit of n bytes, and some more: it writes zeros behind
// the used part of the tail and syncs them. The commit then only overwrites allocated
// blocks. Its sync waits for its own data and not for the journal. It can also be
// trusted: ext4 marks new blocks as written after the data, so if a disk goes away in
// between, data whose sync was confirmed can later read as zeros.
//
// fill is an optimization. If there is no space for the zeros, the commit finds out
// itself whether it fits.
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
	from := fi.Size() // bbolt can have grown the file: everything below belongs to it
	to := (need + s.ahead()) &^ (int64(len(zeros)) - 1)
	// One page per write: the page cache would keep a larger write as one large folio,
	// and would account for (and might write) all of it for each page of a commit.
	for at := from; at < to && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), to-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	s.filled = to // after an error too: a second attempt would fail again
	if err != nil && !disk.NoSpace(err) {
		return fmt.Errorf("make room in segment: %w", err)
	}
	return nil
}

var zeros [4 << 10]byte
