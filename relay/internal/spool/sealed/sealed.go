// Package sealed encrypts dropped files that are kept, so that their content and original names
// can only be read with a key of the queue.
//
// A sealed file is
//
//	magic · 8 random bytes · pieces: length u32, little-endian, and the output of seal.Ring
//
// The first piece is the file's name, the others are up to 64 KiB of its content each.
//
// # What it guarantees
//
// Each piece is bound to its file, its number and whether it is the last, so that pieces cannot
// be removed, moved or added unnoticed.
//
// # What can hurt you
//
// With a Ring without a key the pieces are not encrypted. The size of a file is not hidden.
package sealed

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"relay/internal/seal"
)

const (
	// Suffix ends the name of a sealed file.
	Suffix = ".sealed"

	magic   = "relay sealed file 2\n"
	purpose = "spool file"
	piece   = 64 << 10
)

// bound is what a piece is bound to: its number and whether it is the last.
func bound(index uint64, last bool) []byte {
	b := binary.LittleEndian.AppendUint64(nil, index)
	if last {
		return append(b, 1)
	}
	return append(b, 0)
}

// Write seals the content of r and its name and writes them to w.
func Write(w io.Writer, r io.Reader, name string, ring *seal.Ring) error {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	if _, err := io.WriteString(w, magic+string(id[:])); err != nil {
		return err
	}
	put := func(index uint64, last bool, plain []byte) error {
		p, err := ring.Seal(make([]byte, 4), purpose, binary.LittleEndian.Uint64(id[:]), bound(index, last), plain)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint32(p, uint32(len(p)-4))
		_, err = w.Write(p)
		return err
	}
	if err := put(0, false, []byte(name)); err != nil {
		return err
	}
	in := bufio.NewReaderSize(r, piece)
	plain := make([]byte, piece)
	for index := uint64(1); ; index++ {
		n, err := io.ReadFull(in, plain)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		_, more := in.Peek(1)
		last := more != nil
		if err := put(index, last, plain[:n]); err != nil {
			return err
		}
		if last {
			if !errors.Is(more, io.EOF) {
				return more
			}
			return nil
		}
	}
}

// File reads a sealed file. Errors wrap seal.ErrDamaged if it is damaged or cut short, and
// seal.ErrKey if its key is missing.
type File struct {
	Name string // its original name

	in    *bufio.Reader
	ring  *seal.Ring
	id    uint64
	index uint64
	rest  []byte
	err   error
}

// Open reads the name of a sealed file. Read returns its content.
func Open(r io.Reader, ring *seal.Ring) (*File, error) {
	in := bufio.NewReaderSize(r, piece)
	head := make([]byte, len(magic)+8)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin like a sealed file", seal.ErrDamaged)
	}
	f := &File{in: in, ring: ring, id: binary.LittleEndian.Uint64(head[len(magic):])}
	f.next()
	if f.err != nil {
		if errors.Is(f.err, io.EOF) {
			f.err = fmt.Errorf("%w: it is cut short", seal.ErrDamaged)
		}
		return nil, f.err
	}
	f.Name, f.rest = string(f.rest), nil
	return f, nil
}

// Read implements io.Reader for the content.
func (f *File) Read(p []byte) (int, error) {
	for len(f.rest) == 0 && f.err == nil {
		f.next()
	}
	if len(f.rest) == 0 {
		return 0, f.err
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *File) next() {
	var size [4]byte
	if _, err := io.ReadFull(f.in, size[:]); err != nil {
		f.err = fmt.Errorf("%w: it is cut short", seal.ErrDamaged)
		return
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > piece+1024 {
		f.err = fmt.Errorf("%w: a piece of it is too long", seal.ErrDamaged)
		return
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(f.in, p); err != nil {
		f.err = fmt.Errorf("%w: it is cut short", seal.ErrDamaged)
		return
	}
	_, more := f.in.Peek(1)
	last := errors.Is(more, io.EOF)
	if f.rest, f.err = f.ring.Open(purpose, f.id, bound(f.index, last), p); f.err == nil && last {
		f.err = io.EOF
	}
	f.index++
}
