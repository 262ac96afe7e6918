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
	scanUnit   = 4 << 10 // what is lost with a place that the disk does not give
	elemHead   = 16
	maxLane    = 1 << 10

	// scanCost bounds how many bytes are summed for what turns out to be no row, in
	// sizes of the file.
	scanCost = 4
)

// errScanCost says that a search ended with some of what looks like a row not looked
// at: the file is made so that each byte would be read over and over.
var errScanCost = errors.New("too much in the file looks like a dead letter and is none")

// scan visits what looks like a row anywhere in a file, used or not. It believes
// nothing of the file's structure: wherever the head of an element may lie (flags
// u32 · distance of the key u32 · length of key and value u32 each), it looks
// whether the checksum of a row agrees. The distance has no bound but the file: large
// letters may lie in between. Within a row nothing else is looked for: what its
// letter holds is its sender's. A place that cannot be read costs what lies there.
// k and v are valid during the call. Invariant: it costs what the file's size does,
// whatever is in it; errScanCost says, at the end, what that has left out.
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

// search is a scan under way.
type search struct {
	f      io.ReaderAt
	size   int64
	budget int64  // bytes that may still be summed in vain
	short  bool   // some were not looked at for want of it
	rows   []span // those found that begin ahead, ascending
	other  []byte // a row that is not in the window
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

// candidate gives the key, kn bytes long, and the value that the head of an element
// at o in the window leads to, and where that lies; nil: there is no such head, or
// what it leads to costs too much.
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

// readSome fills b with what is at an offset; what cannot be read becomes zero.
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
