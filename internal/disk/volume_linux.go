package disk

import "golang.org/x/sys/unix"

// kinds are the file systems that matter, by magic number (statfs(2)).
var kinds = map[int64]string{
	0x01021994: "tmpfs", 0x858458f6: "ramfs", 0x6969: "nfs", 0xff534d42: "smb", 0xfe534d42: "smb", 0x517b: "smb",
	0x65735546: "fuse", 0x01021997: "9p", 0x794c7630: "overlay",
}

func kindOf(s *unix.Statfs_t) string { return kinds[int64(uint32(s.Type))] }
