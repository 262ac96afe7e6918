// Package format holds what all bytes stored by an engine have in common: the checksum, and the
// errors for damaged bytes and for bytes written by a newer program.
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

// CRC is the checksum used for all stored bytes.
func CRC(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// Damaged returns seal.ErrDamaged with a description: the bytes are not what was written.
func Damaged(text string, a ...any) error {
	return fmt.Errorf("%w: %s", seal.ErrDamaged, fmt.Sprintf(text, a...))
}
