package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// unmapProgram takes the program's own code and constant data out of the
// process's memory; what is still used is mapped again, from the page cache, as
// it is touched. Most of it served the start alone: building tables, reading
// settings. Nothing is lost by it: these mappings are never written to.
func unmapProgram() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		// from-to perms offset device inode path
		v := strings.Fields(sc.Text())
		if len(v) < 6 || v[len(v)-1] != exe || !strings.HasPrefix(v[1], "r-") || !strings.HasSuffix(v[1], "p") {
			continue
		}
		lo, hi, _ := strings.Cut(v[0], "-")
		from, err1 := strconv.ParseUint(lo, 16, 64)
		to, err2 := strconv.ParseUint(hi, 16, 64)
		if err1 == nil && err2 == nil {
			// Advice alone: should the kernel not want it, nothing is different.
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
		}
	}
}
