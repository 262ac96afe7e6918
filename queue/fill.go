package queue

import (
	"fmt"
	"os"
	"runtime"
)

const (
	fillLeast = 128 << 10
	fillMost  = 4 << 20
	fillSlack = 64 << 10 // pages that a commit rewrites beside its data
)

// fill makes room for a commit of n bytes: it writes zeros behind what the tail
// has used and syncs them, some way ahead. A commit then only overwrites blocks
// that the file has already. Its sync waits for its own data and for no
// journal, and is true to the letter: where blocks are new, ext4 marks them as
// written after the data, and a disk that goes away in between may have
// confirmed a sync of what later reads as zeros.
//
// It only helps. Without room for the zeros the commit finds out itself
// whether it fits.
func (s *segment) fill(n int64) error {
	need := s.used + n + n/4 + fillSlack
	if need <= s.filled || runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open segment to make room: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("make room in segment: %w", err)
	}
	from := fi.Size() // bbolt may have made the file longer: what lies below is its own
	to := (need + min(max(s.used/8, fillLeast), fillMost)) &^ (int64(len(zeros)) - 1)
	// Page by page: the page cache would keep what is written at once as one
	// large folio, and count and maybe write all of it for each page of a commit.
	for at := from; at < to && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), to-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	s.filled = to // a second try would fare no better
	if err != nil && !noSpace(err) {
		return fmt.Errorf("make room in segment: %w", err)
	}
	return nil
}

var zeros [4 << 10]byte
