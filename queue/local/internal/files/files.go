// Package files is what the files of a queue's directory have in common: format
// number, checksum, names, and atomic replacement.
//
// # What it guarantees
//
// A file made by Write or Place is complete or absent under its name, also after a
// crash or a power cut. A checksum distinguishes a format number that this program
// does not know from a damaged one (KnownFormat).
//
// # What can hurt you
//
// With noSync a power cut can lose a new file together with the file it replaced.
package files

import (
	"errors"
	"fmt"

	"relay/queue/internal/format"
)

// Version is the format number of all files of this package's users.
const Version = 2

// ErrOlderFormat means that a version from before the first release wrote the file.
var ErrOlderFormat = errors.New("directory was written by a version from before the first release: move it away")

// FormatSum is the checksum stored with every format number: a flipped bit must not
// look like a newer format.
func FormatSum(version int) uint32 {
	return format.CRC(fmt.Appendf(nil, "relay queue format %d", version))
}

// KnownFormat returns an error if this program cannot read the format: ErrOlderFormat,
// format.ErrNewer, or seal.ErrDamaged if sum does not match version.
func KnownFormat(version int, sum uint32) error {
	switch {
	case sum != FormatSum(version):
		return format.Damaged("format %d does not match its checksum", version)
	case version == Version:
		return nil
	case version < Version:
		return fmt.Errorf("format %d: %w", version, ErrOlderFormat)
	}
	return fmt.Errorf("format %d: %w", version, format.ErrNewer)
}
