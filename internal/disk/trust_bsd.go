//go:build unix && !linux

package disk

import "golang.org/x/sys/unix"

const readOnlyFlag = unix.MNT_RDONLY
