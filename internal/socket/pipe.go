package socket

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// pipeName is the pipe of a path: pipes have one name space for the machine.
func pipeName(path string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(path)))
	return `\\.\pipe\relay-` + hex.EncodeToString(sum[:8])
}

// descriptor is the ACL of the pipe in SDDL: the system, administrators, the
// user it runs as, and a group when one is given. Nobody over the network.
func descriptor(user, group string) string {
	sddl := "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user + ")"
	if group != "" {
		sddl += "(A;;GRGW;;;" + group + ")"
	}
	return sddl
}
