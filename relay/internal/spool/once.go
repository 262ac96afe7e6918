package spool

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const oncePrefix = "sale-"

// OnceID is the id of a sale that is told from others by a value of its own,
// whichever file it stands in.
func OnceID(event, value string) string {
	sum := sha256.Sum256([]byte(event + "\x00" + value))
	return oncePrefix + hex.EncodeToString(sum[:16])
}

// IsOnce tells such an id.
func IsOnce(id string) bool {
	return strings.HasPrefix(id, oncePrefix) && len(id) == len(oncePrefix)+32
}
