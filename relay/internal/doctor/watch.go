package doctor

import (
	"bufio"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"relay/config/watch"
	"relay/internal/disk"
)

// Kernel limits below these are worth a warning: editors and other programs use them too.
const (
	fewInstances = 64
	fewWatches   = 1024
)

// fileChanges checks whether relay will notice a saved mapping.
func (e *exam) fileChanges() {
	c := e.Config
	switch c.Watch.Mode {
	case watch.Off:
		e.report(Finding{Check: "watch", Code: "off", Level: Note, Text: "watch.mode is off, so relay loads changed files only on `relay reload` or SIGHUP."})
		return
	case watch.Poll:
		e.report(Finding{Check: "watch", Code: "poll", Level: OK, Text: fmt.Sprintf("relay notices changed files within %s (watch.mode: poll).", c.Watch.Poll)})
		return
	}
	dir := filepath.Dir(c.Mapping)
	if err := e.watch(dir); err != nil {
		e.report(Finding{
			Check: "watch", Code: "inotify", Level: Warn, Who: You,
			Text: fmt.Sprintf("Changes in %s cannot be watched (%v), so relay checks the files every %s.", dir, plainNet(err), c.Watch.Poll),
			Fix:  "Raise fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl), or lower watch.poll.",
		})
	} else {
		e.report(Finding{Check: "watch", Code: "watch", Level: OK, Text: "relay notices changed files at once."})
	}
	for _, l := range []struct {
		name string
		few  int
	}{{"max_user_instances", fewInstances}, {"max_user_watches", fewWatches}} {
		if n, ok := e.kernelNumber("sys/fs/inotify/" + l.name); ok && n < l.few {
			e.report(Finding{
				Check: "watch", Code: "inotify_limit", Level: Warn, Who: You,
				Text: fmt.Sprintf("fs.inotify.%s is %d, shared by all programs of this user. When it is used up, relay notices changes only every %s.", l.name, n, c.Watch.Poll),
				Fix:  fmt.Sprintf("sysctl fs.inotify.%s=%d", l.name, 8*l.few),
			})
		}
	}
	for _, f := range []string{c.File, c.Mapping} {
		if e.mountedAlone(f) {
			e.report(Finding{
				Check: "watch", Code: "mounted_file", Level: Warn, Who: You,
				Text: fmt.Sprintf("%s is mounted as a single file, so relay never sees a new version saved outside.", f),
				Fix:  "Mount its directory instead (in Kubernetes: no subPath).",
			})
		}
	}
}

func (e *exam) kernelNumber(name string) (int, bool) {
	b, err := disk.ReadFile(filepath.Join(e.proc, name), 4<<10)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return n, err == nil
}

// mountedAlone reports whether path itself is a mount point.
func (e *exam) mountedAlone(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	f, err := disk.Open(filepath.Join(e.proc, "self/mountinfo"))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		// 36 35 98:0 /mnt1 /mnt/parent rw,noatime … (proc_pid_mountinfo(5))
		if fields := strings.Fields(sc.Text()); len(fields) > 4 && unescapeMount(fields[4]) == abs {
			return true
		}
	}
	return false
}

func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
