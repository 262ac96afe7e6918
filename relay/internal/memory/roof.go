package memory

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"relay/internal/disk"
)

// Roof is the memory limit at which the system kills the process: the limit of its control
// groups (containers, MemoryMax= of systemd), or GOMEMLIMIT. Near it the intake refuses
// requests with 429, so that the process is not killed with requests in progress.
type Roof struct {
	limit   uint64 // at which the intake refuses; 0: there is no limit
	used    func() uint64
	looked  atomic.Int64 // when used was called last, Unix nanoseconds
	isShort atomic.Bool
}

const (
	roofShare = 85                    // percent of the limit
	roofLook  = 20 * time.Millisecond // maximum age of a measurement; the intake limits what it accepts meanwhile
	softLeast = 64 << 20              // GOMEMLIMIT controls the collector and can be less than relay needs
)

// NewRoof reads the limits of this process.
func NewRoof() *Roof {
	limit := cgroupLimit("/")
	if os.Getenv("GOMEMLIMIT") != "" {
		if soft := uint64(max(debug.SetMemoryLimit(-1), softLeast)); soft < math.MaxInt64 {
			limit = min(limit, soft)
		}
	}
	r := &Roof{used: memoryUsed}
	if limit < math.MaxInt64 {
		r.limit = limit / 100 * roofShare
	}
	return r
}

// Short reports whether memory is short. The intake calls it for each request.
func (r *Roof) Short() bool {
	if r.limit == 0 {
		return false
	}
	now := time.Now().UnixNano()
	if last := r.looked.Load(); now-last > int64(roofLook) && r.looked.CompareAndSwap(last, now) {
		r.isShort.Store(r.used() > r.limit)
	}
	return r.isShort.Load()
}

// memoryUsed returns the memory that the Go runtime uses. It excludes mapped files, whose
// pages the system can reclaim.
func memoryUsed() uint64 {
	s := [...]metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s[:])
	return s[0].Value.Uint64() - s[1].Value.Uint64() - s[2].Value.Uint64()
}

// cgroupLimit returns the lowest memory limit of the process's control groups, version 1 or
// 2, below root; math.MaxUint64 for none.
func cgroupLimit(root string) uint64 {
	limit := uint64(math.MaxUint64)
	text, err := disk.ReadFile(filepath.Join(root, "proc/self/cgroup"), 1<<20)
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max"
		switch {
		case parts[1] == "":
		case strings.Contains(","+parts[1]+",", ",memory,"):
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		base = filepath.Join(root, base)
		// In a container its own group is the root, whatever the path says.
		for dir := filepath.Join(base, parts[2]); ; dir = filepath.Dir(dir) {
			if b, err := disk.ReadFile(filepath.Join(dir, file), 4<<10); err == nil {
				if n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 && n < 1<<60 {
					limit = min(limit, n)
				}
			}
			if dir == base || !strings.HasPrefix(dir, base) {
				break
			}
		}
	}
	return limit
}
