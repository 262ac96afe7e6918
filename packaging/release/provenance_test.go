package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small is a release of a module that git knows: two files and no time to wait for.
func small(t *testing.T) *release {
	t.Helper()
	root, out := t.TempDir(), filepath.Join(t.TempDir(), "dist")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(root, "go.sum"):                         "example.com/m v1.0.0 h1:x\n",
		filepath.Join(out, "relay_v1.0.0_linux_amd64.tar.gz"): "an archive",
		filepath.Join(out, "relay_v1.0.0_linux_amd64.deb"):    "a package",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "."},
		{"-c", "user.name=relay", "-c", "user.email=relay@example.com", "commit", "-q", "-m", "first"},
	} {
		command(t, "git", append([]string{"-C", root}, args...)...)
	}
	return &release{version: "v1.0.0", builder: someBuilder, root: root, out: out, date: time.Unix(1767225600, 0), log: io.Discard}
}

func readStatement(t *testing.T, file string) (statement, []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s statement
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s, b
}

// The statement names every file by its sum, and the commit; a day later, the same bytes.
func TestProvenance(t *testing.T) {
	r := small(t)
	file := filepath.Join(r.out, "relay_v1.0.0.provenance.json")
	write := func() (statement, []byte) {
		t.Helper()
		_ = os.Remove(file)
		if err := r.provenance(t.Context(), targets()[:1], true); err != nil {
			t.Fatal(err)
		}
		return readStatement(t, file)
	}
	s, first := write()
	if s.Type != "https://in-toto.io/Statement/v1" || s.PredicateType != "https://slsa.dev/provenance/v1" || len(s.Subject) != 2 {
		t.Errorf("%s", first)
	}
	commit := strings.TrimSpace(command(t, "git", "-C", r.root, "rev-parse", "HEAD"))
	if got := s.Predicate.BuildDefinition.Dependencies[0]; got.Name != "source" || got.Digest["gitCommit"] != commit {
		t.Errorf("source %v, want %s", got, commit)
	}
	if got := s.Predicate.BuildDefinition.Internal["SOURCE_DATE_EPOCH"]; got != "1767225600" {
		t.Errorf("SOURCE_DATE_EPOCH %s", got)
	}
	if _, again := write(); !bytes.Equal(first, again) {
		t.Errorf("twice, not the same:\n%s\n%s", first, again)
	}
	if err := os.WriteFile(filepath.Join(r.root, "more.go"), []byte("package more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, _ := write(); s.Predicate.BuildDefinition.Dependencies[0].Digest != nil {
		t.Error("a tree with changes of its own is called the commit")
	}
}

// TestSignatureAsDocumented runs the commands of docs/operations.md, with a key that is
// thrown away: what was signed is good, what was changed after it is not.
func TestSignatureAsDocumented(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not here")
	}
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var sign, verify string
	for line := range strings.Lines(string(docs)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "ssh-keygen -Y sign "):
			sign = line
		case strings.HasPrefix(line, "ssh-keygen -Y verify "):
			verify = line
		}
	}
	if sign == "" || verify == "" {
		t.Fatal("docs/operations.md does not say how to sign and verify")
	}
	r := small(t)
	if err := r.provenance(t.Context(), targets()[:1], true); err != nil {
		t.Fatal(err)
	}
	if err := r.checksums(); err != nil {
		t.Fatal(err)
	}
	keys := t.TempDir()
	command(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "thrown away", "-f", filepath.Join(keys, "release_key"))
	public, err := os.ReadFile(filepath.Join(keys, "release_key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.out, "allowed_signers"), []byte(`publisher namespaces="relay-release" `+string(public)), 0o600); err != nil {
		t.Fatal(err)
	}
	shell := func(line string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line, "~/.ssh", keys))
		cmd.Dir = r.out
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := shell(sign); err != nil {
		t.Fatalf("%s: %v\n%s", sign, err, out)
	}
	if out, err := shell(verify); err != nil || !strings.Contains(out, "relay_v1.0.0.provenance.json: OK") {
		t.Errorf("%s: %v\n%s", verify, err, out)
	}
	for _, name := range []string{"relay_v1.0.0_linux_amd64.deb", "SHA256SUMS"} {
		file := filepath.Join(r.out, name)
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(bytes.Clone(good), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := shell(verify); err == nil {
			t.Errorf("%s was changed and is taken:\n%s", name, out)
		}
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The statement of a built release names all its files.
func TestProvenanceOfDist(t *testing.T) {
	s, _ := readStatement(t, one(t, "*.provenance.json"))
	if len(s.Subject) != 5*2+3*2 {
		t.Errorf("%d files", len(s.Subject))
	}
	for _, a := range s.Subject {
		if sum, err := sha256File(filepath.Join(dist(t), a.Name)); err != nil || sum != a.Digest["sha256"] {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
}
