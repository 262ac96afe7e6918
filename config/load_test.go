package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"relay/internal/strictyaml"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code says now")

// environment returns a LookupEnv with fixed values.
func environment(values map[string]string) Options {
	return Options{LookupEnv: func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}}
}

// Every broken file in testdata/bad.txtar causes exactly the messages next to it, all at once and
// without secrets.
func TestLoadBadFiles(t *testing.T) {
	golden, err := filepath.Abs(filepath.Join("testdata", "bad.txtar"))
	must(t, err)
	archive, err := txtar.ParseFile(golden)
	must(t, err)
	env := environment(map[string]string{
		"SECRET": "hunter2", "EMPTY": "", "TWO_LINES": "one\nhunter2",
		"INJECT": "x\nlisten: 0.0.0.0:80\nhunter2: y",
	})
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "token", "from-the-file\n")
	for i := 0; i < len(archive.Files); i += 2 {
		file, want := archive.Files[i], &archive.Files[i+1]
		name := strings.TrimSuffix(file.Name, ".yaml")
		t.Run(name, func(t *testing.T) {
			if want.Name != name+".want" {
				t.Fatalf("%s is followed by %s", file.Name, want.Name)
			}
			cfg, _, err := Parse("relay.yaml", file.Data, env)
			if err == nil || cfg != nil {
				t.Fatalf("accepted: %v %v", cfg, err)
			}
			var invalid *InvalidError
			if !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid) {
				t.Fatalf("%T is no *InvalidError", err)
			}
			got := messagesOf(invalid) + "\n"
			for _, secret := range []string{"hunter2", "secretsecret", "second-secret", "my-secret-token", "EAABsecret", "hidden", "third-secret"} {
				if strings.Contains(got+err.Error(), secret) {
					t.Errorf("tells the secret %q:\n%s", secret, got)
				}
			}
			for _, p := range invalid.Problems {
				if p.Line < 1 || p.Column < 1 {
					t.Errorf("no place: %+v", p)
				}
			}
			if *update {
				want.Data = []byte(got)
			} else if got != string(want.Data) {
				t.Errorf("got\n%s\nwant\n%s", got, want.Data)
			}
		})
	}
	if *update {
		must(t, os.WriteFile(golden, txtar.Format(archive), 0o600))
	}
}

// An error wraps the problems, so that a caller can format them itself.
func TestInvalidErrorUnwraps(t *testing.T) {
	_, _, err := Parse("relay.yaml", []byte("x: 1\n"), Options{})
	var ps strictyaml.Problems
	if !errors.As(err, &ps) || len(ps) != 1 || err.Error() != `relay.yaml:1:1: unknown key "x"` {
		t.Errorf("got %v", err)
	}
}

// messagesOf returns the text that is shown for an invalid file: the problems with their lines.
func messagesOf(e *InvalidError) string {
	if len(e.Problems) > 0 {
		return e.Problems.Render()
	}
	return e.Error()
}
