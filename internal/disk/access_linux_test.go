package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asUser runs f without root's ability to ignore file permissions.
func asUser(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { // its thread ends with it
		runtime.LockOSThread()
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		err := unix.Capget(&head, &caps[0])
		caps[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
		if err == nil {
			err = unix.Capset(&head, &caps[0])
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// Access names the first path that refuses this user, and Fix the command that helps.
func TestAccess(t *testing.T) {
	t.Parallel()
	me := userName(os.Geteuid())
	const nobody = 65534
	for name, tc := range map[string]struct {
		make      func(dir string) error
		path, fix string // below the test's directory; $DIR is the checked one, $TOP the one above
		root      bool   // needs root to make it
	}{
		"everything is ours":      {make: func(string) error { return nil }},
		"missing, can be created": {make: os.RemoveAll},
		"a file is read-only":     {make: func(dir string) error { return os.Chmod(filepath.Join(dir, "a"), 0o400) }, path: "q/a", fix: "chmod -R u+rwX $DIR"},
		"a directory is closed":   {make: func(dir string) error { return os.Chmod(filepath.Join(dir, "sub"), 0o600) }, path: "q/sub", fix: "chmod -R u+rwX $DIR"},
		"the directory is closed": {make: func(dir string) error { return os.Chmod(dir, 0o500) }, path: "q", fix: "chmod -R u+rwX $DIR"},
		"not needed":              {make: func(dir string) error { return os.Chmod(filepath.Join(dir, "other"), 0) }},
		"the way is closed":       {make: func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o600) }, path: "", fix: "sudo chmod o+x $TOP"},
		"missing, cannot be created": {make: func(dir string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.Chmod(filepath.Dir(dir), 0o500)
		}, path: "", fix: "sudo install -d -m 700 -o " + me + " $DIR"},
		"a file of another user": {
			make: func(dir string) error { return os.Chown(filepath.Join(dir, "sub", "b"), nobody, nobody) },
			path: "q/sub/b", fix: "sudo chown -R " + me + " $DIR", root: true,
		},
		"a closed file of another user": {make: func(dir string) error {
			if err := os.Chmod(filepath.Join(dir, "a"), 0); err != nil {
				return err
			}
			return os.Chown(filepath.Join(dir, "a"), nobody, nobody)
		}, path: "q/a", fix: "sudo chown -R " + me + " $DIR && sudo chmod -R u+rwX $DIR", root: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.root && os.Geteuid() != 0 {
				t.Skip("needs root to give a file away")
			}
			top := t.TempDir()
			dir := filepath.Join(top, "q")
			if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, f := range []string{"a", "sub/b", "other"} {
				if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := tc.make(dir); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(top, 0o700) }) //nolint:gosec // so that it can be removed
			var got *AccessError
			var fix string
			asUser(t, func() {
				if got = Access(dir, func(name string, _ fs.DirEntry) bool { return name != "other" }); got != nil {
					fix = got.Fix()
				}
			})
			if tc.fix == "" {
				if got != nil {
					t.Errorf("%v; %s", got, fix)
				}
				return
			}
			want := os.Expand(tc.fix, func(name string) string { return ShellWord(map[string]string{"DIR": dir, "TOP": top}[name]) })
			if got == nil || got.Path != filepath.Join(top, tc.path) || fix != want {
				t.Errorf("%v\nfix  %s\nwant %s", got, fix, want)
			}
		})
	}
}
