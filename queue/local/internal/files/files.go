// Package files is what the files of a queue's directory have in common: their
// format, checksum and names, and how one is put in its place.
//
// # What it guarantees
//
// A file of Write or Place is whole or absent under its name, also after a crash
// or a power cut. A format that this program does not read is told from damage by
// its checksum (KnownFormat).
//
// # What can hurt you
//
// With noSync what was put in its place is lost with the power, and the file
// of its name that was there before with it.
package files

import (
	"errors"
	"fmt"
	"hash/crc32"

	"relay/internal/seal"
)

// Version is the format of all files here.
const Version = 2

var (
	// ErrNewerFormat means that a newer program wrote the bytes.
	ErrNewerFormat = errors.New("directory was written by a newer version")
	// ErrOlderFormat means that a version older than the first release did.
	ErrOlderFormat = errors.New("directory was written by a version from before the first release: move it away")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC is the checksum of everything that is written here.
func CRC(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// FormatSum goes with a format number wherever one is written: a flipped bit is
// not a newer format.
func FormatSum(format int) uint32 { return CRC(fmt.Appendf(nil, "relay queue format %d", format)) }

// KnownFormat refuses a format this program does not read.
func KnownFormat(format int, sum uint32) error {
	switch {
	case sum != FormatSum(format):
		return Damaged("format %d does not go with its checksum", format)
	case format == Version:
		return nil
	case format < Version:
		return fmt.Errorf("format %d: %w", format, ErrOlderFormat)
	}
	return fmt.Errorf("format %d: %w", format, ErrNewerFormat)
}

// Damaged is seal.ErrDamaged with what is wrong: what a file holds is not what was
// written to it.
func Damaged(format string, a ...any) error {
	return fmt.Errorf("%w: %s", seal.ErrDamaged, fmt.Sprintf(format, a...))
}
