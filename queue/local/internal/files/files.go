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

	"relay/queue/internal/format"
)

// Version is the format of all files here.
const Version = 2

// ErrOlderFormat means that a version older than the first release wrote the bytes.
var ErrOlderFormat = errors.New("directory was written by a version from before the first release: move it away")

// FormatSum goes with a format number wherever one is written: a flipped bit is
// not a newer format.
func FormatSum(version int) uint32 {
	return format.CRC(fmt.Appendf(nil, "relay queue format %d", version))
}

// KnownFormat refuses a format this program does not read.
func KnownFormat(version int, sum uint32) error {
	switch {
	case sum != FormatSum(version):
		return format.Damaged("format %d does not go with its checksum", version)
	case version == Version:
		return nil
	case version < Version:
		return fmt.Errorf("format %d: %w", version, ErrOlderFormat)
	}
	return fmt.Errorf("format %d: %w", version, format.ErrNewer)
}
