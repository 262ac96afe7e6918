package memory

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"
)

func TestCgroupLimit(t *testing.T) {
	for name, x := range map[string]struct {
		files map[string]string
		want  uint64
	}{
		"none":      {nil, math.MaxUint64},
		"unlimited": {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, math.MaxUint64},
		"container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 268435456},
		"unit":      {map[string]string{"proc/self/cgroup": "0::/system.slice/relay.service\n", "sys/fs/cgroup/system.slice/relay.service/memory.max": "134217728\n"}, 134217728},
		"above it": {map[string]string{
			"proc/self/cgroup": "0::/s/relay\n", "sys/fs/cgroup/s/relay/memory.max": "300000000\n", "sys/fs/cgroup/s/memory.max": "200000000\n",
		}, 200000000},
		"version 1": {map[string]string{
			"proc/self/cgroup": "3:cpu,cpuacct:/x\n5:memory:/docker/1\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "100000000\n",
		}, 100000000},
		"version 1, unlimited": {map[string]string{
			"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, math.MaxUint64},
		"not text": {map[string]string{"proc/self/cgroup": "\x00:::\n0::/../../..\n", "sys/fs/cgroup/memory.max": "-1\n"}, math.MaxUint64},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range x.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := cgroupLimit(root); got != x.want {
				t.Errorf("%d, want %d", got, x.want)
			}
		})
	}
}

func TestRoof(t *testing.T) {
	used := uint64(50)
	r := &Roof{limit: 85, used: func() uint64 { return used }}
	for _, x := range []struct {
		used uint64
		want bool
	}{{50, false}, {86, true}, {84, false}} {
		used = x.used
		r.looked.Store(time.Now().Add(-time.Second).UnixNano())
		if got := r.Short(); got != x.want {
			t.Errorf("with %d of 85 used it is short: %t", x.used, got)
		}
	}
	if (&Roof{used: func() uint64 { return math.MaxUint64 }}).Short() {
		t.Error("without a limit it is never short")
	}
	if n := memoryUsed(); n < 1<<20 || n > 1<<40 {
		t.Errorf("%d bytes used", n)
	}
	t.Setenv("GOMEMLIMIT", "16MiB")
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(16 << 20)) // as the runtime does at its start
	if r := NewRoof(); r.limit == 0 {
		t.Error("GOMEMLIMIT is no limit")
	}
}
