package ids

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"relay/queue/local/internal/files"
)

type file struct {
	path           string
	f              *os.File
	first, last    uint64                // segments
	oldest, newest int64                 // Unix ms
	count, own     int64                 // hashes; those of keys that relay made
	bloom          atomic.Pointer[bloom] // nil until it is loaded
	failed         atomic.Bool           // the disk did not give some of it

	past int64 // Unix ms: since when it is older than the window, as the clock has it; 0: it is not
}

// write makes the file, in the place of one of its name, and opens it.
func (f *file) write(sorted []byte, noSync bool) error {
	f.count, f.own = int64(len(sorted)/Row), 0
	for at := 0; at < len(sorted); at += Row {
		if rowAt(sorted[at:]).Hash.own() {
			f.own++
		}
	}
	b := make([]byte, 0, header)
	b = append(b, magic...)
	le := binary.LittleEndian
	b = le.AppendUint32(b, files.Version)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, f.first)
	b = le.AppendUint64(b, f.last)
	b = le.AppendUint64(b, uint64(f.newest))
	b = le.AppendUint64(b, uint64(f.count))
	b = le.AppendUint64(b, uint64(f.oldest))
	b = le.AppendUint64(b, uint64(f.own))
	le.PutUint32(b[12:], files.CRC(b))
	if err := files.Write(f.path, noSync, b, sorted); err != nil {
		return err
	}
	var err error
	if f.f, err = os.Open(f.path); err != nil {
		return fmt.Errorf("open ids: %w", err)
	}
	filter := newBloom(f.count)
	for i := 0; i < len(sorted); i += Row {
		filter.add(rowAt(sorted[i:]).Hash)
	}
	f.bloom.Store(filter)
	return nil
}

// counted is how many of the hashes are of ids that clients gave.
func (f *file) counted() int64 { return f.count - f.own }

func openFile(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open ids: %w", err)
	}
	var b [header]byte
	_, err = io.ReadFull(f, b[:])
	le := binary.LittleEndian
	sum := le.Uint32(b[12:])
	le.PutUint32(b[12:], 0)
	st, serr := f.Stat()
	switch {
	case serr != nil:
		err = serr
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = files.Damaged("ids file is cut short")
	case err != nil: // the disk
	case string(b[:8]) != magic || files.CRC(b[:]) != sum:
		err = files.Damaged("ids file header")
	case le.Uint32(b[8:]) > files.Version:
		err = fmt.Errorf("ids version %d: %w", le.Uint32(b[8:]), files.ErrNewerFormat)
	case le.Uint32(b[8:]) != files.Version:
		err = files.Damaged("ids version %d", le.Uint32(b[8:]))
	case (st.Size()-header)%Row != 0 || le.Uint64(b[40:]) != uint64(st.Size()-header)/Row:
		err = files.Damaged("ids file of %d bytes says it has %d", st.Size(), le.Uint64(b[40:]))
	case le.Uint64(b[56:]) > le.Uint64(b[40:]) || le.Uint64(b[16:]) > le.Uint64(b[24:]):
		err = files.Damaged("ids file header")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open ids: %w", err)
	}
	return &file{
		path: path, f: f, first: le.Uint64(b[16:]), last: le.Uint64(b[24:]), oldest: int64(le.Uint64(b[48:])),
		newest: int64(le.Uint64(b[32:])), count: int64(le.Uint64(b[40:])), own: int64(le.Uint64(b[56:])),
	}, nil
}

// get searches the file: hashes are evenly spread, so the first guess is near.
func (f *file) get(h Hash) (Known, bool, error) {
	if b := f.bloom.Load(); b != nil && !b.has(h) {
		return Known{}, false, nil
	}
	const window = 4096 / Row // ids read at once: one page
	var buf [window * Row]byte
	lo, hi := int64(0), f.count // h can only lie in [lo, hi)
	v := binary.BigEndian.Uint64(h[:])
	guess := int64(float64(v) / (1 << 64) * float64(f.count))
	for lo < hi {
		at := min(max(guess-window/2, lo), max(lo, hi-window))
		n := min(window, hi-at)
		b := buf[:Row*n]
		if _, err := f.f.ReadAt(b, header+Row*at); err != nil {
			return Known{}, false, fmt.Errorf("search ids: %w", err)
		}
		switch {
		case bytes.Compare(h[:], b[:16]) < 0:
			hi = at
		case bytes.Compare(h[:], b[len(b)-Row:len(b)-Row+16]) > 0:
			lo = at + n
		default:
			i, j := 0, int(n)
			for i < j {
				m := (i + j) / 2
				if bytes.Compare(b[Row*m:Row*m+16], h[:]) < 0 {
					i = m + 1
				} else {
					j = m
				}
			}
			if i == int(n) || Hash(b[Row*i:]) != h {
				return Known{}, false, nil
			}
			return rowAt(b[Row*i:]), true, nil
		}
		guess = (lo + hi) / 2
	}
	return Known{}, false, nil
}

// read gives the rows of all ids, sorted.
func (f *file) read() ([]byte, error) {
	b := make([]byte, Row*f.count)
	if _, err := f.f.ReadAt(b, header); err != nil {
		f.failed.Store(true)
		return nil, fmt.Errorf("read ids: %w", err)
	}
	return b, nil
}

// load reads the file once to build its filter.
func (f *file) load() error {
	b := newBloom(f.count)
	buf := make([]byte, 2048*Row)
	r := io.NewSectionReader(f.f, header, Row*f.count)
	for {
		n, err := io.ReadFull(r, buf)
		for i := 0; i+Row <= n; i += Row {
			b.add(rowAt(buf[i:]).Hash)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			f.bloom.Store(b)
			return nil
		}
		if err != nil {
			return fmt.Errorf("load ids: %w", err)
		}
	}
}

// bloom keeps most searches off the files: 10 bits an id, three of them set
// in one 64-byte block.
type bloom struct{ blocks [][8]uint64 }

func newBloom(n int64) *bloom { return &bloom{make([][8]uint64, n*10/512+1)} }

func (b *bloom) bits(h Hash) (*[8]uint64, uint64) {
	v := binary.LittleEndian.Uint64(h[8:])
	return &b.blocks[(v>>32)%uint64(len(b.blocks))], v
}

func (b *bloom) add(h Hash) {
	blk, v := b.bits(h)
	for i := range 3 {
		n := v >> (9 * i) & 511
		blk[n/64] |= 1 << (n % 64)
	}
}

func (b *bloom) has(h Hash) bool {
	blk, v := b.bits(h)
	for i := range 3 {
		n := v >> (9 * i) & 511
		if blk[n/64]&(1<<(n%64)) == 0 {
			return false
		}
	}
	return true
}
