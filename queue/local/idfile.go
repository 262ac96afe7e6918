package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

type idFile struct {
	path           string
	f              *os.File
	first, last    uint64                // segments
	oldest, newest int64                 // Unix ms
	count, own     int64                 // hashes; those of keys that relay made
	bloom          atomic.Pointer[bloom] // nil until it is loaded
	failed         atomic.Bool           // the disk did not give some of it

	past int64 // Unix ms: since when it is older than the window, as the clock has it; 0: it is not
}

func idsPath(dir string, num uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", num, idsSuffix))
}

// write makes the file, in the place of one of its name, and opens it.
func (f *idFile) write(sorted []byte, noSync bool) error {
	f.count, f.own = int64(len(sorted)/idRow), 0
	for at := 0; at < len(sorted); at += idRow {
		if idAt(sorted[at:]).hash.own() {
			f.own++
		}
	}
	b := make([]byte, 0, idsHeader)
	b = append(b, idsMagic...)
	le := binary.LittleEndian
	b = le.AppendUint32(b, formatVersion)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, f.first)
	b = le.AppendUint64(b, f.last)
	b = le.AppendUint64(b, uint64(f.newest))
	b = le.AppendUint64(b, uint64(f.count))
	b = le.AppendUint64(b, uint64(f.oldest))
	b = le.AppendUint64(b, uint64(f.own))
	le.PutUint32(b[12:], crc(b))
	if err := writeFile(f.path, noSync, b, sorted); err != nil {
		return err
	}
	var err error
	if f.f, err = os.Open(f.path); err != nil {
		return fmt.Errorf("open ids: %w", err)
	}
	filter := newBloom(f.count)
	for i := 0; i < len(sorted); i += idRow {
		filter.add(idAt(sorted[i:]).hash)
	}
	f.bloom.Store(filter)
	return nil
}

// counted is how many of the hashes are of ids that clients gave.
func (f *idFile) counted() int64 { return f.count - f.own }

func openIDFile(path string) (*idFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open ids: %w", err)
	}
	var b [idsHeader]byte
	_, err = io.ReadFull(f, b[:])
	le := binary.LittleEndian
	sum := le.Uint32(b[12:])
	le.PutUint32(b[12:], 0)
	st, serr := f.Stat()
	switch {
	case serr != nil:
		err = serr
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = damaged("ids file is cut short")
	case err != nil: // the disk
	case string(b[:8]) != idsMagic || crc(b[:]) != sum:
		err = damaged("ids file header")
	case le.Uint32(b[8:]) > formatVersion:
		err = fmt.Errorf("ids version %d: %w", le.Uint32(b[8:]), ErrNewerFormat)
	case le.Uint32(b[8:]) != formatVersion:
		err = damaged("ids version %d", le.Uint32(b[8:]))
	case (st.Size()-idsHeader)%idRow != 0 || le.Uint64(b[40:]) != uint64(st.Size()-idsHeader)/idRow:
		err = damaged("ids file of %d bytes says it has %d", st.Size(), le.Uint64(b[40:]))
	case le.Uint64(b[56:]) > le.Uint64(b[40:]) || le.Uint64(b[16:]) > le.Uint64(b[24:]):
		err = damaged("ids file header")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open ids: %w", err)
	}
	return &idFile{
		path: path, f: f, first: le.Uint64(b[16:]), last: le.Uint64(b[24:]), oldest: int64(le.Uint64(b[48:])),
		newest: int64(le.Uint64(b[32:])), count: int64(le.Uint64(b[40:])), own: int64(le.Uint64(b[56:])),
	}, nil
}

// get searches the file: hashes are evenly spread, so the first guess is near.
func (f *idFile) get(h idHash) (knownID, bool, error) {
	if b := f.bloom.Load(); b != nil && !b.has(h) {
		return knownID{}, false, nil
	}
	const window = 4096 / idRow // ids read at once: one page
	var buf [window * idRow]byte
	lo, hi := int64(0), f.count // h can only lie in [lo, hi)
	v := binary.BigEndian.Uint64(h[:])
	guess := int64(float64(v) / (1 << 64) * float64(f.count))
	for lo < hi {
		at := min(max(guess-window/2, lo), max(lo, hi-window))
		n := min(window, hi-at)
		b := buf[:idRow*n]
		if _, err := f.f.ReadAt(b, idsHeader+idRow*at); err != nil {
			return knownID{}, false, fmt.Errorf("search ids: %w", err)
		}
		switch {
		case bytes.Compare(h[:], b[:16]) < 0:
			hi = at
		case bytes.Compare(h[:], b[len(b)-idRow:len(b)-idRow+16]) > 0:
			lo = at + n
		default:
			i, j := 0, int(n)
			for i < j {
				m := (i + j) / 2
				if bytes.Compare(b[idRow*m:idRow*m+16], h[:]) < 0 {
					i = m + 1
				} else {
					j = m
				}
			}
			if i == int(n) || idHash(b[idRow*i:]) != h {
				return knownID{}, false, nil
			}
			return idAt(b[idRow*i:]), true, nil
		}
		guess = (lo + hi) / 2
	}
	return knownID{}, false, nil
}

// read gives the rows of all ids, sorted.
func (f *idFile) read() ([]byte, error) {
	b := make([]byte, idRow*f.count)
	if _, err := f.f.ReadAt(b, idsHeader); err != nil {
		f.failed.Store(true)
		return nil, fmt.Errorf("read ids: %w", err)
	}
	return b, nil
}

// load reads the file once to build its filter.
func (f *idFile) load() error {
	b := newBloom(f.count)
	buf := make([]byte, 2048*idRow)
	r := io.NewSectionReader(f.f, idsHeader, idRow*f.count)
	for {
		n, err := io.ReadFull(r, buf)
		for i := 0; i+idRow <= n; i += idRow {
			b.add(idAt(buf[i:]).hash)
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

func (b *bloom) bits(h idHash) (*[8]uint64, uint64) {
	v := binary.LittleEndian.Uint64(h[8:])
	return &b.blocks[(v>>32)%uint64(len(b.blocks))], v
}

func (b *bloom) add(h idHash) {
	blk, v := b.bits(h)
	for i := range 3 {
		n := v >> (9 * i) & 511
		blk[n/64] |= 1 << (n % 64)
	}
}

func (b *bloom) has(h idHash) bool {
	blk, v := b.bits(h)
	for i := range 3 {
		n := v >> (9 * i) & 511
		if blk[n/64]&(1<<(n%64)) == 0 {
			return false
		}
	}
	return true
}
