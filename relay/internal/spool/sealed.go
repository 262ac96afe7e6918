package spool

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"relay/internal/seal"
)

// A sealed file is
//
//	magic · 8 random bytes · pieces: length u32, little-endian, and what seal.Ring made of 64 KiB
//
// Each piece is bound to its file, its number and whether it is the last, so that
// none can be left out, moved or added.
const (
	sealedEnd     = ".sealed"
	sealedMagic   = "relay sealed file 1\n"
	sealedPurpose = "spool file"
	sealedPiece   = 64 << 10
)

func pieceBound(index uint64, last bool) []byte {
	b := binary.LittleEndian.AppendUint64(nil, index)
	if last {
		return append(b, 1)
	}
	return append(b, 0)
}

// sealTo writes what r holds to w, sealed.
func sealTo(w io.Writer, r io.Reader, ring *seal.Ring) error {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	if _, err := io.WriteString(w, sealedMagic+string(id[:])); err != nil {
		return err
	}
	in := bufio.NewReaderSize(r, sealedPiece)
	plain := make([]byte, sealedPiece)
	for index := uint64(0); ; index++ {
		n, err := io.ReadFull(in, plain)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		_, more := in.Peek(1)
		last := more != nil
		piece, err := ring.Seal(make([]byte, 4), sealedPurpose, binary.LittleEndian.Uint64(id[:]), pieceBound(index, last), plain[:n])
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint32(piece, uint32(len(piece)-4))
		if _, err := w.Write(piece); err != nil {
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

// opened reads a sealed file.
type opened struct {
	in    *bufio.Reader
	ring  *seal.Ring
	id    uint64
	index uint64
	rest  []byte
	err   error
}

// OpenSealed reads what a sealed file holds. An error while reading says that it
// is damaged or cut short (seal.ErrDamaged), or which key is lacking (seal.ErrKey).
func OpenSealed(r io.Reader, ring *seal.Ring) (io.Reader, error) {
	in := bufio.NewReaderSize(r, sealedPiece)
	head := make([]byte, len(sealedMagic)+8)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(sealedMagic)]) != sealedMagic {
		return nil, fmt.Errorf("%w: it does not begin as a sealed file does", seal.ErrDamaged)
	}
	return &opened{in: in, ring: ring, id: binary.LittleEndian.Uint64(head[len(sealedMagic):])}, nil
}

func (o *opened) Read(p []byte) (int, error) {
	for len(o.rest) == 0 && o.err == nil {
		o.next()
	}
	if len(o.rest) == 0 {
		return 0, o.err
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

func (o *opened) next() {
	var size [4]byte
	if _, err := io.ReadFull(o.in, size[:]); err != nil {
		o.err = fmt.Errorf("%w: it is cut short", seal.ErrDamaged)
		return
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > sealedPiece+1024 {
		o.err = fmt.Errorf("%w: a piece of it is too long", seal.ErrDamaged)
		return
	}
	piece := make([]byte, n)
	if _, err := io.ReadFull(o.in, piece); err != nil {
		o.err = fmt.Errorf("%w: it is cut short", seal.ErrDamaged)
		return
	}
	_, more := o.in.Peek(1)
	last := errors.Is(more, io.EOF)
	if o.rest, o.err = o.ring.Open(sealedPurpose, o.id, pieceBound(o.index, last), piece); o.err == nil && last {
		o.err = io.EOF
	}
	o.index++
}
