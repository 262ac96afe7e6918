//go:build unix

package config

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"relay/internal/strictyaml"
)

// TestCommand: the program of alerts.command is checked when relay.yaml is read. One that an
// untrusted user can change is refused; one that would not start causes a warning. If the
// problem has a command as its fix, that command fixes it.
func TestCommand(t *testing.T) {
	t.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	const hello = "#!/bin/sh\nexit 0\n"
	for _, x := range []struct {
		name, command string // DIR is the test's own directory
		script        string // DIR/alert
		mode          os.FileMode
		dir           os.FileMode
		says          string // "": nothing
		refused       bool
		fix           string // a part of it
		run           bool   // the fix, as a command
	}{
		{name: "good", command: "[DIR/alert, --now]", script: hello, mode: 0o755},
		{name: "a binary", command: "[" + sh + ", -c, 'exit 0']"},
		{name: "in PATH", command: "[sh, -c, exit]"},
		{name: "by env", command: "[DIR/alert]", script: "#!/usr/bin/env -S A=b sh\n", mode: 0o755},
		{name: "an output", command: "[tee, -a, DIR/alert]", script: "alerts so far\n", mode: 0o666},
		{name: "no execute bit", command: "[DIR/alert]", script: hello, mode: 0o644, says: "has no execute bit", fix: "chmod +x DIR/alert", run: true},
		{name: "relative", command: "[./alert]", script: hello, mode: 0o755, says: "is a relative path", refused: true, fix: "write its absolute path"},
		{name: "relative script", command: "[sh, alert.sh]", says: "alert.sh is a relative path", refused: true, fix: "write its absolute path"},
		{name: "any user may write it", command: "[DIR/alert]", script: hello, mode: 0o757, says: "any user of this machine can write DIR/alert", refused: true, fix: "chmod o-w DIR/alert", run: true},
		{name: "its group may write it", command: "[DIR/alert]", script: hello, mode: 0o775, says: "the group of DIR/alert can write", fix: "chmod g-w DIR/alert", run: true},
		{name: "any user may write the folder", command: "[DIR/alert]", script: hello, mode: 0o755, dir: 0o777, says: "any user of this machine can write to DIR", refused: true, fix: "chmod o-w DIR", run: true},
		{name: "a script without execute bit any user may write", command: "[sh, DIR/alert]", script: hello, mode: 0o646, says: "any user of this machine can write DIR/alert", refused: true, fix: "chmod o-w DIR/alert", run: true},
		{name: "a script behind options any user may write", command: "[nice, -n, '5', DIR/alert]", script: hello, mode: 0o757, says: "any user of this machine can write DIR/alert", refused: true, fix: "chmod o-w DIR/alert", run: true},
		{name: "none", command: "[DIR/none]", says: "DIR/none cannot be read: no such file or directory", fix: "put it there"},
		{name: "no script", command: "[sh, DIR/none]", says: "DIR/none cannot be read", fix: "put it there"},
		{name: "not in PATH", command: "[relay-no-such-program]", says: "there is no program relay-no-such-program in PATH", fix: "absolute path"},
		{name: "a folder", command: "[DIR]", says: "is not a regular file", fix: "name a program"},
		{name: "no interpreter", command: "[DIR/alert]", script: "#!/opt/nowhere/interpreter -u\n", mode: 0o755, says: "the interpreter /opt/nowhere/interpreter, which the first line of DIR/alert names, is not on this machine", fix: "install interpreter"},
		{name: "an interpreter that is elsewhere", command: "[DIR/alert]", script: "#!/opt/nowhere/sh\n", mode: 0o755, says: "the interpreter /opt/nowhere/sh", fix: "sed -i '1s|/opt/nowhere/sh|" + sh + "|' DIR/alert", run: true},
		{name: "no interpreter by env", command: "[DIR/alert]", script: "#!/usr/bin/env relay-no-such-program\n", mode: 0o755, says: "the interpreter relay-no-such-program", fix: "install"},
		{name: "a relative interpreter", command: "[DIR/alert]", script: "#!sh\n", mode: 0o755, says: "by a relative path, sh", refused: true, fix: "#!/bin/sh"},
		{name: "no first line", command: "[DIR/alert]", script: "exit 0\n", mode: 0o755, says: "whose first line names no interpreter", fix: "sed -i '1i #!/bin/sh' DIR/alert", run: true},
		{name: "an empty first line", command: "[DIR/alert]", script: "#!\nexit 0\n", mode: 0o755, says: "names no interpreter", fix: "sed -i ", run: true},
		{name: "the line ends of Windows", command: "[DIR/alert]", script: "#!/bin/sh\r\nexit 0\r\n", mode: 0o755, says: "has Windows line ends", fix: "sed -i", run: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			in := func(text string) string { return strings.ReplaceAll(text, "DIR", filepath.Join(dir, "d")) }
			if err := os.Mkdir(in("DIR"), 0o755); err != nil {
				t.Fatal(err)
			}
			if x.script != "" {
				if err := errors.Join(os.WriteFile(in("DIR/alert"), []byte(x.script), 0o600), os.Chmod(in("DIR/alert"), x.mode)); err != nil {
					t.Fatal(err)
				}
			}
			if x.dir != 0 {
				if err := os.Chmod(in("DIR"), x.dir); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join(dir, "relay.yaml")
			if err := os.WriteFile(file, []byte(in("alerts: { command: "+x.command+" }\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			found := func() (ps strictyaml.Problems, refused bool) {
				c, warnings, err := Load(file, Options{})
				if invalid, ok := errors.AsType[*InvalidError](err); ok {
					return invalid.Problems, true
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := RefusableCommand(c.Alerts.Command); err != nil {
					t.Errorf("taken, and not run: %v", err)
				}
				return warnings, false
			}
			ps, refused := found()
			if x.says == "" {
				if len(ps) > 0 {
					t.Errorf("%v", ps)
				}
				return
			}
			if refused != x.refused || len(ps) != 1 || ps[0].Line != 1 || !strings.Contains(ps[0].Message, in(x.says)) || !strings.Contains(ps[0].Hint, in(x.fix)) {
				t.Fatalf("refused %v: %v\n%+v", refused, ps, ps)
			}
			if !x.run {
				return
			}
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", ps[0].Hint).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v %s", ps[0].Hint, err, out)
			}
			if ps, _ := found(); len(ps) > 0 {
				t.Errorf("after %s: %v", ps, ps[0].Hint)
			}
		})
	}
}
