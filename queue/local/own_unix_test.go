//go:build linux

package local

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relay/internal/disk"
	"relay/queue/local/directory"
)

// TestPlanted: files that another user put into the directory before it is opened are not followed,
// waited for or changed, and the error names them. As root, and as another user.
func TestPlanted(t *testing.T) {
	const given = "RELAY_TEST_PLANTED" // a directory with another user's files
	base := os.Getenv(given)
	if base == "" {
		base = t.TempDir()
		if os.Geteuid() == 0 {
			defer plantedAs(t, given, 12001)
		}
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if base != "" && os.Getenv(given) != "" {
		victim = filepath.Join(base, "victim")
	}
	if err := os.WriteFile(victim, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(p string) error { return os.Symlink(victim, p) }
	dangling := func(p string) error { return os.Symlink(p+"-nowhere", p) }
	hard := func(p string) error { return os.Link(victim, p) }
	pipe := func(p string) error { return syscall.Mkfifo(p, 0o666) }
	folder := func(p string) error { return errors.Join(os.Mkdir(p, 0o777), os.Chown(p, 12002, 12002)) }
	file := func(p string) error { return os.WriteFile(p, nil, 0o600) }
	foreign := func(p string) error {
		if os.Geteuid() != 0 {
			return os.Rename(filepath.Join(base, "foreign-"+filepath.Base(p)), p)
		}
		return errors.Join(os.WriteFile(p, nil, 0o666), os.Chown(p, 12002, 12002))
	}
	type plant struct {
		name, how, says string
		put             func(string) error
	}
	var all []plant
	for _, name := range plantedNames {
		all = append(
			all, plant{name, "link", "is a link", link}, plant{name, "dangling", "is a link", dangling},
			plant{name, "hard", "hard link", hard}, plant{name, "pipe", "is a pipe", pipe},
		)
		if os.Geteuid() == 0 {
			all = append(all, plant{name, "folder", "belongs to another user (uid 12002)", folder})
		}
		if os.Geteuid() == 0 || os.Getenv(given) != "" {
			all = append(all, plant{name, "foreign", "belongs to another user (uid 12002)", foreign})
		}
	}
	for _, name := range []string{"receipts", "copies"} {
		all = append(all, plant{name, "link", "is a link", link}, plant{name, "file", "is a file, not a folder", file})
	}
	for _, p := range all {
		t.Run(p.name+"/"+p.how, func(t *testing.T) {
			dir := filepath.Join(base, p.how+strings.ReplaceAll(p.name, "/", "-"))
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, p.name)), 0o700), os.Chmod(dir, 0o777)); err != nil {
				t.Fatal(err)
			}
			if err := p.put(filepath.Join(dir, p.name)); err != nil {
				t.Fatal(err)
			}
			q, err := Open(dir, Options{})
			if err == nil {
				_ = q.Close()
			}
			e, ok := errors.AsType[*disk.PlantedError](err)
			if !ok || e.Path != filepath.Join(dir, p.name) || !strings.Contains(e.Error(), p.says) || strings.Contains(e.Error(), "\n") {
				t.Errorf("%v", err)
			}
			if b, _ := os.ReadFile(victim); string(b) != "theirs" {
				t.Fatalf("the target of the link contains %q now", b)
			}
			if es, _ := os.ReadDir(dir); len(es) != 1 {
				t.Errorf("files were created: %v", es)
			}
		})
	}
}

var plantedNames = []string{
	"meta.db", "dead.db", "0000000000000001.seg", "0000000000000001.ids", "0000000000000001.sales", "0000000000000001.seg.bad",
	"lock", "secret", "reserve", "audit.log", "audit.log.1", "receipts/0000000000000001.log",
}

// plantedAs runs the test as another user.
func plantedAs(t *testing.T, env string, uid int) {
	t.Helper()
	base, err := os.MkdirTemp("", "planted") //nolint:usetesting // t.TempDir lies below a folder that the other user cannot enter
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	for _, name := range plantedNames {
		path := filepath.Join(base, "foreign-"+filepath.Base(name))
		if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chown(path, 12002, 12002)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(base, uid, uid); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestPlanted$", "-test.v")
	cmd.Dir = base
	cmd.Env = append(os.Environ(), env+"="+base, "TMPDIR="+base)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestPlanted/secret/foreign") {
		t.Errorf("as uid %d: %v\n%s", uid, err, out)
	}
}

// A start after a crash is allowed: a file with two names in the directory, temporary files, and
// files of root or of the owner of the directory are not planted.
func TestNotPlanted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = q.Close()
	meta := filepath.Join(dir, "meta.db")
	err = errors.Join(
		os.Link(meta, meta+".bad"), os.Link(filepath.Join(dir, "lock"), disk.TempName(filepath.Join(dir, "lock"))),
		os.Symlink("nowhere", filepath.Join(dir, "notes")), os.Mkdir(filepath.Join(dir, "lost+found"), 0o700), os.Symlink("nowhere", disk.TempName(meta)),
	)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // a service's directory, opened by root
		if err := errors.Join(os.Chown(dir, 12001, 12001), os.Chown(meta, 12001, 12001)); err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.Planted(dir, directory.Own); err != nil {
		t.Error(err)
	}
}
