package dead

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"relay/internal/disk"
)

const (
	scanWindow = 1 << 20
	scanUnit   = 4 << 10 // how much is skipped where the disk returns an error
	elemHead   = 16
	maxLane    = 1 << 10

	// scanCost bounds the bytes that are checksummed in vain, in sizes of the file.
	scanCost = 4
)

// errScanCost means that a search skipped possible rows, since the file is crafted so that
// its bytes would be checksummed over and over.
var errScanCost = errors.New("file contains too many false dead letters")

// scan calls fn for everything in a file that looks like a row, in used and free pages. It
// does not trust the structure of the file: at every offset it tries to parse the head of
// an element (flags u32 · distance of the key u32 · lengths of key and value u32 each) and
// checks whether the checksum of a row matches. The distance is bounded by the file only:
// there can be large letters in between. It does not search inside a row, since its
// contents come from a sender. Unreadable places are skipped. k and r are valid during the
// call.
//
// Invariant: the cost is proportional to the size of the file, whatever it contains. At
// the end errScanCost reports that something was skipped for that reason.
func scan(path string, fn func(k []byte, r row) error) error {
	f, err := disk.Open(path)
	if err != nil {
		return fmt.Errorf("search dead letters: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("search dead letters: %w", err)
	}
	s := search{f: f, size: st.Size(), budget: scanCost*st.Size() + scanWindow}
	return s.run(fn)
}

// search is a scan in progress.
type search struct {
	f      io.ReaderAt
	size   int64
	budget int64  // bytes that can still be checksummed in vain
	short  bool   // some candidates were skipped because the budget was used up
	rows   []span // rows found that begin after the current offset, ascending
	other  []byte // buffer for a row outside the window
}

type span struct{ from, to int64 }

func (s *search) run(fn func(k []byte, r row) error) error {
	window := make([]byte, 0, scanWindow)
	for from := int64(0); from < s.size; from += scanWindow - elemHead {
		window = readSome(s.f, window[:min(scanWindow, s.size-from)], from)
		for o := int64(0); o+elemHead <= int64(len(window)); o++ {
			if len(s.rows) > 0 && from+o >= s.rows[0].from {
				to := s.rows[0].to
				s.rows = s.rows[1:]
				if to > from+o {
					o = to - from - 1
					continue
				}
			}
			kv, kn, at := s.candidate(window, from, o)
			if kv == nil {
				continue
			}
			r, err := decodeRow(kv[:kn], kv[kn:])
			if err != nil {
				s.budget -= int64(len(kv))
				continue
			}
			row := span{at, at + int64(len(kv))}
			i, _ := slices.BinarySearchFunc(s.rows, row, func(a, b span) int { return cmp.Compare(a.from, b.from) })
			s.rows = slices.Insert(s.rows, i, row)
			if err := fn(kv[:kn:kn], r); err != nil {
				return err
			}
		}
	}
	if s.short {
		return fmt.Errorf("search dead letters: %w", errScanCost)
	}
	return nil
}

// candidate returns the key (kn bytes) and value that the element head at offset o of the
// window refers to, and their offset in the file. kv is nil if there is no such head, or if
// it exceeds the budget.
func (s *search) candidate(window []byte, from, o int64) (kv []byte, kn, at int64) {
	e, le := window[o:], binary.LittleEndian
	if le.Uint32(e) != 0 { // not a letter
		return nil, 0, 0
	}
	pos, kn, vn := int64(le.Uint32(e[4:])), int64(le.Uint32(e[8:])), int64(le.Uint32(e[12:]))
	at = from + o + pos
	if kn <= keyTail || kn > maxLane+keyTail || vn <= rowHead || vn > maxLetter || pos < elemHead || at+kn+vn > s.size {
		return nil, 0, 0
	}
	if kn+vn > s.budget {
		s.short = true
		return nil, 0, 0
	}
	if i := at - from; i+kn+vn <= int64(len(window)) {
		return window[i : i+kn+vn], kn, at
	}
	s.other = slices.Grow(s.other[:0], int(kn+vn))[:kn+vn]
	s.other = readSome(s.f, s.other, at)
	return s.other, kn, at
}

// readSome fills b with the bytes at an offset; unreadable bytes become zero.
func readSome(f io.ReaderAt, b []byte, at int64) []byte {
	if _, err := f.ReadAt(b, at); err == nil || errors.Is(err, io.EOF) {
		return b
	}
	for i := 0; i < len(b); i += scanUnit {
		part := b[i:min(len(b), i+scanUnit)]
		if _, err := f.ReadAt(part, at+int64(i)); err != nil {
			clear(part)
		}
	}
	return b
}
