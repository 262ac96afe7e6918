package doctor

import "golang.org/x/sys/unix"

// kinds are file systems that matter, by their magic number (statfs(2)).
var kinds = map[int64]string{
	0x01021994: "tmpfs", 0x858458f6: "ramfs", 0x6969: "nfs", 0xff534d42: "smb", 0xfe534d42: "smb", 0x517b: "smb",
	0x65735546: "fuse", 0x01021997: "9p", 0x794c7630: "overlay",
}

func statVolume(dir string) (volume, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return volume{}, err
	}
	block := int64(s.Bsize) //nolint:unconvert // not int64 everywhere
	return volume{
		size: int64(s.Blocks) * block, free: int64(s.Bavail) * block, inodes: int64(s.Files), iFree: int64(s.Ffree),
		kind: kinds[int64(uint32(s.Type))],
	}, nil
}
