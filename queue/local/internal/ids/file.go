package ids

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"relay/internal/disk"
	"relay/queue/internal/format"
	"relay/queue/local/internal/age"
	"relay/queue/local/internal/files"
)

// A file is its header, then blocks of rows, each followed by its checksum.
const (
	header   = 80
	perBlock = 170 // rows per block: a block fits into one page
	blockLen = perBlock*Row + 4
)

type file struct {
	path           string
	kind           kind
	f              *os.File
	first, last    uint64 // segments
	oldest, newest age.Stamp
	count, own     int64                 // number of ids; of those, keys that relay made
	bloom          atomic.Pointer[bloom] // nil until it is loaded
	failed         atomic.Bool           // some of it is unreadable or damaged
}

func fileLen(count int64) int64 { return header + count*Row + 4*blocks(count) }

func blocks(count int64) int64 { return (count + perBlock - 1) / perBlock }

// write writes the file, replacing one of the same name, and opens it.
func (f *file) write(sorted []byte, noSync bool) error {
	f.count, f.own = int64(len(sorted)/Row), 0
	filter := newBloom(f.count)
	for at := 0; at < len(sorted); at += Row {
		h := rowAt(sorted[at:]).Hash
		filter.add(h)
		if h.Own() {
			f.own++
		}
	}
	b := make([]byte, 0, fileLen(f.count))
	b = append(b, magic...)
	le := binary.LittleEndian
	b = le.AppendUint32(b, files.Version)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, f.first)
	b = le.AppendUint64(b, f.last)
	b = le.AppendUint64(b, uint64(f.count))
	b = le.AppendUint64(b, uint64(f.own))
	b = appendStamp(appendStamp(b, f.oldest), f.newest)
	le.PutUint32(b[12:], format.CRC(b))
	for rows := range slices.Chunk(sorted, perBlock*Row) {
		b = le.AppendUint32(append(b, rows...), format.CRC(rows))
	}
	if err := files.Write(f.path, noSync, b); err != nil {
		return err
	}
	var err error
	if f.f, err = disk.Open(f.path); err != nil {
		return fmt.Errorf("open ids: %w", err)
	}
	f.bloom.Store(filter)
	return nil
}

func appendStamp(b []byte, s age.Stamp) []byte {
	trusted := int64(0)
	if !s.At.IsZero() {
		trusted = s.At.UnixMilli()
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(s.Ran)), uint64(trusted))
}

func stampAt(b []byte) age.Stamp {
	s := age.Stamp{Ran: time.Duration(binary.LittleEndian.Uint64(b))}
	if trusted := int64(binary.LittleEndian.Uint64(b[8:])); trusted != 0 {
		s.At = time.UnixMilli(trusted)
	}
	return s
}

// counted returns how many ids count towards the maximum.
func (f *file) counted() int64 {
	if f.kind == ofSales {
		return f.count
	}
	return f.count - f.own
}

func openFile(path string) (*file, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open ids: %w", err)
	}
	var b [header]byte
	_, err = io.ReadFull(f, b[:])
	le := binary.LittleEndian
	sum := le.Uint32(b[12:])
	le.PutUint32(b[12:], 0)
	st, serr := f.Stat()
	o := &file{
		path: path, kind: kindOf(strings.HasSuffix(path, SalesSuffix)), f: f, first: le.Uint64(b[16:]), last: le.Uint64(b[24:]),
		count: int64(le.Uint64(b[32:])), own: int64(le.Uint64(b[40:])), oldest: stampAt(b[48:]), newest: stampAt(b[64:]),
	}
	switch {
	case serr != nil:
		err = serr
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = format.Damaged("ids file is cut short")
	case err != nil: // the disk
	case string(b[:8]) != magic || format.CRC(b[:]) != sum:
		err = format.Damaged("header of an ids file")
	case le.Uint32(b[8:]) > files.Version:
		err = fmt.Errorf("ids version %d: %w", le.Uint32(b[8:]), format.ErrNewer)
	case le.Uint32(b[8:]) != files.Version:
		err = format.Damaged("unknown ids version %d", le.Uint32(b[8:]))
	case o.count < 0 || o.count > st.Size()/Row || st.Size() != fileLen(o.count):
		err = format.Damaged("ids file of %d bytes claims %d ids", st.Size(), o.count)
	case o.own < 0 || o.own > o.count || o.first > o.last:
		err = format.Damaged("header of an ids file")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open ids: %w", err)
	}
	return o, nil
}

// block reads block n into buf and returns its rows. intact is whether their checksum
// matches.
func (f *file) block(n int64, buf *[blockLen]byte) (rows []byte, intact bool, err error) {
	b := buf[:min(perBlock, f.count-n*perBlock)*Row+4]
	if _, err := f.f.ReadAt(b, header+n*blockLen); err != nil {
		return nil, false, err
	}
	rows, intact = verifyBlock(b)
	return rows, intact, nil
}

// verifyBlock splits a block into its rows and whether their checksum matches.
func verifyBlock(b []byte) (rows []byte, intact bool) {
	rows = b[:len(b)-4]
	return rows, format.CRC(rows) == binary.LittleEndian.Uint32(b[len(rows):])
}

// get searches the file. Hashes are evenly distributed, so the first guess is close. An
// id that was found is valid even if err is not nil.
func (f *file) get(h Hash) (Known, bool, error) {
	if b := f.bloom.Load(); b != nil && !b.has(h) {
		return Known{}, false, nil
	}
	v := binary.BigEndian.Uint64(h[:])
	return f.search(h, 0, blocks(f.count), int64(float64(v)/(1<<64)*float64(f.count))/perBlock)
}

// search searches the blocks [lo, hi), beginning with block guess.
func (f *file) search(h Hash, lo, hi, guess int64) (k Known, ok bool, err error) {
	var buf [blockLen]byte
	var bad error
	for lo < hi {
		at := min(max(guess, lo), hi-1)
		b, intact, err := f.block(at, &buf)
		if err != nil {
			return Known{}, false, fmt.Errorf("search ids: %w", err)
		}
		last := len(b)/Row - 1
		switch {
		case !intact: // a damaged hash can be out of order
			bad = format.Damaged("block of %d ids", last+1)
			for ; len(b) > 0; b = b[Row:] {
				if Hash(b) == h { // its fingerprint can be damaged: return none, which matches any event
					return Known{Hash: h}, true, bad
				}
			}
			if k, ok, err := f.search(h, lo, at, at-1); ok || err != nil {
				return k, ok, errors.Join(bad, err)
			}
			lo = at + 1
		case bytes.Compare(h[:], b[:16]) < 0:
			hi = at
		case bytes.Compare(h[:], b[last*Row:last*Row+16]) > 0:
			lo = at + 1
		default:
			i, found := sort.Find(last+1, func(i int) int { return bytes.Compare(h[:], b[i*Row:i*Row+16]) })
			if !found {
				return Known{}, false, bad
			}
			return rowAt(b[i*Row:]), true, bad
		}
		guess = (lo + hi) / 2
	}
	return Known{}, false, bad
}

// read returns all rows, sorted. It fails if any block is damaged.
func (f *file) read() ([]byte, error) {
	out := make([]byte, 0, Row*f.count)
	err := f.each(func(rows []byte, intact bool) error {
		if !intact {
			return format.Damaged("block of %d ids", len(rows)/Row)
		}
		out = append(out, rows...)
		return nil
	})
	if err != nil {
		f.failed.Store(true)
		return nil, fmt.Errorf("read ids: %w", err)
	}
	return out, nil
}

// load reads the whole file to build its filter. It returns an error, once, if some
// blocks are damaged.
func (f *file) load() error {
	b, bad := newBloom(f.count), int64(0)
	err := f.each(func(rows []byte, intact bool) error {
		if !intact {
			bad++
		}
		for ; len(rows) > 0; rows = rows[Row:] {
			b.add(Hash(rows))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("load ids: %w", err)
	}
	f.bloom.Store(b)
	if bad > 0 && !f.failed.Swap(true) {
		return fmt.Errorf("load ids: %w", format.Damaged("%d of %d blocks", bad, blocks(f.count)))
	}
	return nil
}

// each calls fn for all blocks, in order.
func (f *file) each(fn func(rows []byte, intact bool) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f.f, header, fileLen(f.count)-header), 12*blockLen)
	var buf [blockLen]byte
	for n := range blocks(f.count) {
		b := buf[:min(perBlock, f.count-n*perBlock)*Row+4]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if err := fn(verifyBlock(b)); err != nil {
			return err
		}
	}
	return nil
}

// bloom is a filter that avoids most searches: 14 bits per id, five of them set, all in
// one 64-byte block. It lets through about one in 300 unknown ids.
type bloom struct{ blocks [][8]uint64 }

func newBloom(n int64) *bloom { return &bloom{make([][8]uint64, n*14/512+1)} }

func (b *bloom) bits(h *Hash) (*[8]uint64, uint64) {
	block := binary.LittleEndian.Uint64(h[8:]) >> 32
	return &b.blocks[block%uint64(len(b.blocks))], binary.LittleEndian.Uint64(h[:])
}

func (b *bloom) add(h Hash) {
	blk, v := b.bits(&h)
	for range 5 {
		blk[v>>6&7] |= 1 << (v & 63)
		v >>= 9
	}
}

func (b *bloom) has(h Hash) bool {
	blk, v := b.bits(&h)
	for range 5 {
		if blk[v>>6&7]&(1<<(v&63)) == 0 {
			return false
		}
		v >>= 9
	}
	return true
}
