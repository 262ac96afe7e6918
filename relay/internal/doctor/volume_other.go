//go:build unix && !linux

package doctor

import "golang.org/x/sys/unix"

func statVolume(dir string) (volume, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return volume{}, err
	}
	block := int64(s.Bsize)                                                          //nolint:unconvert // differs between systems
	return volume{size: int64(s.Blocks) * block, free: int64(s.Bavail) * block}, nil //nolint:unconvert // the same
}
