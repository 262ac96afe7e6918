// Package format is what all bytes that an engine of the queue stores have in
// common: their checksum, and the words for bytes that are not what was written or
// are of a newer program.
package format

import (
	"errors"
	"fmt"
	"hash/crc32"

	"relay/internal/seal"
)

// ErrNewer means that a newer program wrote the bytes.
var ErrNewer = errors.New("directory was written by a newer version")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC is the checksum of everything that is stored.
func CRC(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// Damaged is seal.ErrDamaged with what is wrong: what is read is not what was
// written.
func Damaged(text string, a ...any) error {
	return fmt.Errorf("%w: %s", seal.ErrDamaged, fmt.Sprintf(text, a...))
}
