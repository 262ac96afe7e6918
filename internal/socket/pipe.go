package socket

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// pipeName is the pipe of a path: all pipes of a machine share one name space.
func pipeName(path string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(path)))
	return `\\.\pipe\relay-` + hex.EncodeToString(sum[:8])
}

// descriptor is the ACL of the pipe in SDDL: the system, administrators, the user relay runs as,
// and a group unless it is empty. Access over the network is denied.
func descriptor(user, group string) string {
	sddl := "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user + ")"
	if group != "" {
		sddl += "(A;;GRGW;;;" + group + ")"
	}
	return sddl
}
