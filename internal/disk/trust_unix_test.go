//go:build unix

package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTrusted creates every kind of file and directory that the rule covers.
func TestTrusted(t *testing.T) {
	dir := func(mode os.FileMode, in ...string) string {
		d := filepath.Join(append(in, "d")...)
		if len(in) == 0 {
			d = t.TempDir()
		} else if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, mode); err != nil {
			t.Fatal(err)
		}
		return d
	}
	file := func(in string, mode os.FileMode) string {
		f := filepath.Join(in, "relay.yaml")
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(f, mode); err != nil {
			t.Fatal(err)
		}
		return f
	}
	link := func(to, in, name string) string {
		l := filepath.Join(in, name)
		if err := os.Symlink(to, l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	const sticky = os.ModeSticky
	configMap := dir(0o777)
	version := filepath.Join(configMap, "..2026_11_20_10_00_00.123")
	if err := os.Mkdir(version, 0o755); err != nil {
		t.Fatal(err)
	}
	file(version, 0o644)
	link("..2026_11_20_10_00_00.123", configMap, "..data")
	open := dir(0o777)
	plainFile := file(dir(0o755), 0o644)
	for _, x := range []struct {
		name, path string
		any, group bool
		at         string // a part of the command in Fix
	}{
		{"a file of its owner", plainFile, false, false, ""},
		{"a file any user may write", file(dir(0o755), 0o666), true, false, "relay.yaml"},
		{"a file its group may write", file(dir(0o755), 0o664), false, true, "relay.yaml"},
		{"in a folder any user may write", file(open, 0o600), true, false, filepath.Base(open)},
		{"below a folder any user may write", file(dir(0o755, dir(0o777)), 0o600), true, false, ""},
		{"in a folder of a group", file(dir(0o775), 0o600), false, false, ""},
		{"in a sticky folder", file(dir(0o777|sticky), 0o600), false, false, ""},
		{"a file any user may write in a sticky folder", file(dir(0o777|sticky), 0o602), true, false, "relay.yaml"},
		{"a link to it", link(plainFile, dir(0o755), "relay.yaml"), false, false, ""},
		{"a link to a file any user may write", link(file(dir(0o755), 0o666), dir(0o755), "relay.yaml"), true, false, ""},
		{"a link in a folder any user may write", link(plainFile, dir(0o777), "relay.yaml"), true, false, ""},
		{"a link in a sticky folder", link(plainFile, dir(0o777|sticky), "relay.yaml"), false, false, ""},
		{"a ConfigMap", link("..data/relay.yaml", configMap, "relay.yaml"), false, false, ""},
		{"a device any user may write", "/dev/null", false, false, ""},
		{"a loop", link("loop", dir(0o755), "loop"), false, false, ""},
		{"a missing file", filepath.Join(dir(0o755), "none"), false, false, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			err := Trusted(x.path)
			w, _ := err.(*WritableError)
			if (AnyUser(err) != nil) != x.any || (w != nil && w.Group) != x.group {
				t.Fatalf("%v", err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(w.Fix, x.at) {
				t.Errorf("Fix = %s", w.Fix)
			}
			// The command is sufficient.
			if err := exec.CommandContext(t.Context(), "sh", "-c", w.Fix).Run(); err != nil {
				t.Fatal(err)
			}
			if err := Trusted(x.path); AnyUser(err) != nil || x.group && err != nil {
				t.Errorf("after %s: %v", w.Fix, err)
			}
		})
	}
}

// TestForgedKubernetes: a user who can write to a directory can create ..data in it, but not as
// root.
func TestForgedKubernetes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	d := t.TempDir()
	if err := os.Chmod(d, 0o777); err != nil {
		t.Fatal(err)
	}
	v := filepath.Join(d, "..2026")
	f := filepath.Join(v, "relay.yaml")
	for _, err := range []error{
		os.Mkdir(v, 0o755), os.WriteFile(f, nil, 0o644), os.Symlink("..2026", filepath.Join(d, "..data")),
		os.Symlink("..data/relay.yaml", filepath.Join(d, "relay.yaml")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(d, "relay.yaml")
	if err := Trusted(path); err != nil {
		t.Errorf("root's: %v", err)
	}
	for _, p := range []string{filepath.Join(d, "..data"), v} {
		if err := os.Lchown(p, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if AnyUser(Trusted(path)) == nil {
			t.Errorf("%s of another user was accepted as the kubelet's", p)
		}
		if err := os.Lchown(p, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrustedOwner: a user can change their own files. Root trusts no other user; other users do not
// trust a file that anyone could have put in its directory.
func TestTrustedOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	const other, me = 65533, 65532
	for _, x := range []struct {
		name       string
		of         string // what belongs to the other user: file, dir or link
		mode       os.FileMode
		root, user bool // refused
	}{
		{"file in a folder of root's", "file", 0o755, true, false},
		{"file in a sticky folder", "file", 0o777 | os.ModeSticky, true, true},
		{"folder", "dir", 0o755, true, false},
		{"link in a sticky folder", "link", 0o777 | os.ModeSticky, true, true},
		{"link in a folder of root's", "link", 0o755, true, false},
		{"nothing", "", 0o755, false, false},
		{"nothing in a sticky folder", "", 0o777 | os.ModeSticky, false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			top := t.TempDir()
			for d := top; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			dir := filepath.Join(top, "d")
			file, path := filepath.Join(top, "real.yaml"), filepath.Join(dir, "relay.yaml")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			own := map[string]string{"file": path, "dir": dir, "link": path}[x.of]
			if x.of != "link" {
				file = path
			}
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if x.of == "link" {
				if err := os.Symlink(file, path); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, x.mode); err != nil {
				t.Fatal(err)
			}
			if own != "" {
				if err := os.Lchown(own, other, other); err != nil {
					t.Fatal(err)
				}
			}
			err := Trusted(path)
			if (AnyUser(err) != nil) != x.root {
				t.Errorf("root: %v", err)
			}
			if got := trustedAs(t, me, path); got != x.user {
				t.Errorf("another user: refused %v, want %v", got, x.user)
			}
			if w := AnyUser(err); w != nil && w.Moved != "" { // a home directory is not taken from its owner
				to := filepath.Join(t.TempDir(), "etc", "relay.yaml")
				if x.of != "dir" || strings.Contains(w.Fix, "chown") || !strings.Contains(w.Fix, " /etc/relay/") || !strings.Contains(w.Advice(), "sudo -u '#65533'") {
					t.Errorf("%s", w.Advice())
				}
				if err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(w.Fix, w.Moved, to, 1)).Run(); err != nil {
					t.Fatal(err)
				}
				if err := Trusted(to); err != nil {
					t.Errorf("after %s: %v", w.Fix, err)
				}
			} else if w != nil {
				if err := exec.CommandContext(t.Context(), "sh", "-c", w.Fix).Run(); err != nil {
					t.Fatal(err)
				}
				if err := Trusted(path); err != nil {
					t.Errorf("after %s: %v", w.Fix, err)
				}
			}
		})
	}
}

// trustedAs reports whether Trusted refuses a path for another user: it runs this test binary as
// that user.
func trustedAs(t *testing.T, uid int, path string) bool {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "disk.test")
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, b, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, "-test.run=^TestAskTrusted$", "-test.v")
	cmd.Env = append(os.Environ(), "RELAY_TEST_TRUSTED="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	cmd.Dir = "/"
	for d := filepath.Dir(bin); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Contains(string(out), "REFUSED")
}

// TestAskTrusted is run by trustedAs.
func TestAskTrusted(t *testing.T) {
	path := os.Getenv("RELAY_TEST_TRUSTED")
	if path == "" {
		t.Skip("run by trustedAs")
	}
	if err := AnyUser(Trusted(path)); err != nil {
		t.Logf("REFUSED %v", err)
	}
}
