package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dist is a release that `make release-check` has built.
func dist(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("RELAY_DIST")
	if dir == "" {
		t.Skip("RELAY_DIST names no release (make release-check)")
	}
	return dir
}

func one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist(t), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d files, %v", pattern, len(found), err)
	}
	return found[0]
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	tool, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not here", name)
	}
	out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestPackageVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-4-gabcdef0": "1.2.3~4~gabcdef0", "abcdef0": "0.0.0~abcdef0", "abcdef0-dirty": "0.0.0~abcdef0.dirty",
	} {
		if got := packageVersion(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestChecksums(t *testing.T) {
	dir := dist(t)
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "SHA256SUMS" {
			continue
		}
		if sum, err := sha256File(filepath.Join(dir, e.Name())); err != nil || sum != listed[e.Name()] {
			t.Errorf("%s: %v, %s, listed as %q", e.Name(), err, sum, listed[e.Name()])
		}
	}
	// Five platforms, each an archive and an SBOM; three of them two packages; the provenance.
	if len(listed) != 5*2+3*2+1 {
		t.Errorf("%d files: %v", len(listed), listed)
	}
}

func TestArchives(t *testing.T) {
	for _, target := range targets() {
		var names []string
		if target.os == "windows" {
			z, err := zip.OpenReader(one(t, "*_"+target.name()+".zip"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range z.File {
				names = append(names, f.Name)
			}
			_ = z.Close()
		} else {
			for _, h := range tarball(t, one(t, "*_"+target.name()+".tar.gz")) {
				names = append(names, h.Name)
			}
		}
		for _, want := range []string{
			target.binary(), "README.md", "LICENSE", "THIRD-PARTY-LICENSES", "relay.yaml", "examples/mapping.yaml",
			"man/relay-run.1.gz", "completions/relay.bash", "completions/_relay", "completions/relay.fish", "completions/relay.ps1", "docs/operations.md",
			"monitoring/grafana-relay.json", "systemd/relay.service",
		} {
			if !slices.ContainsFunc(names, func(n string) bool { _, rest, _ := strings.Cut(n, "/"); return rest == want }) {
				t.Errorf("%s: no %s", target.name(), want)
			}
		}
	}
}

func tarball(t *testing.T, file string) []*tar.Header {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out []*tar.Header
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || path.IsAbs(h.Name) || h.Typeflag != tar.TypeReg {
			t.Errorf("%s: %s of %d:%d, type %c", file, h.Name, h.Uid, h.Gid, h.Typeflag)
		}
		out = append(out, h)
	}
}

func TestSBOM(t *testing.T) {
	for _, target := range targets() {
		b, err := os.ReadFile(one(t, "*_"+target.name()+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc cdxDocument
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Format != "CycloneDX" || doc.Spec != "1.6" || len(doc.Metadata.Component.Hashes) != 1 {
			t.Errorf("%s: %s %s", target.name(), doc.Format, doc.Spec)
		}
		have := map[string]bool{}
		for _, c := range doc.Components {
			have[c.Name] = true
			if c.Version == "" || c.PURL == "" || len(c.Licenses) == 0 {
				t.Errorf("%s: %s without version, purl or known licence", target.name(), c.Name)
			}
		}
		for _, want := range []string{"std", "go.etcd.io/bbolt", "github.com/fsnotify/fsnotify", "gopkg.in/yaml.v3", "golang.org/x/time"} {
			if !have[want] {
				t.Errorf("%s: no %s", target.name(), want)
			}
		}
	}
}

func TestDebian(t *testing.T) {
	deb := one(t, "*_linux_amd64.deb")
	info := command(t, "dpkg-deb", "-I", deb)
	for _, want := range []string{"Package: relay\n", "Architecture: amd64\n", "postinst", "prerm", "postrm", "conffiles"} {
		if !strings.Contains(info, want) {
			t.Errorf("no %q in\n%s", want, info)
		}
	}
	if got := command(t, "dpkg-deb", "-I", deb, "conffiles"); got != "/etc/relay/mapping.yaml\n/etc/relay/relay.yaml\n" {
		t.Errorf("conffiles: %q", got)
	}
	files := command(t, "dpkg-deb", "-c", deb)
	for line := range strings.Lines(files) {
		if !strings.Contains(line, "root/root") || strings.HasPrefix(line, "d") && !strings.HasPrefix(line, "drwxr-xr-x") {
			t.Errorf("odd owner or mode: %s", line)
		}
	}
	for _, want := range []string{
		"-rwxr-xr-x root/root", "./usr/bin/relay\n", "./usr/lib/systemd/system/relay.service\n", "./usr/share/man/man1/relay-run.1.gz\n",
		"./usr/share/bash-completion/completions/relay\n", "./usr/share/zsh/vendor-completions/_relay\n", "./usr/share/fish/vendor_completions.d/relay.fish\n",
		"./etc/relay/relay.yaml\n", "./usr/share/doc/relay/copyright\n",
	} {
		if !strings.Contains(files, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Installs into a directory, edits, installs again: the edit stays; nothing
// is started. dpkg needs root for owners.
func TestDebianKeepsEdits(t *testing.T) {
	deb := one(t, "*_linux_amd64.deb")
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	root := t.TempDir()
	for _, d := range []string{"adm/info", "adm/updates"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "adm/status"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	install := func() string {
		return command(t, "dpkg", "--admindir="+filepath.Join(root, "adm"), "--instdir="+root, "--force-not-root", "--force-script-chrootless",
			"--log=/dev/null", "--install", deb)
	}
	if said := install(); !strings.Contains(said, "relay is installed and not started") {
		t.Errorf("the first install says\n%s", said)
	}
	mapping := filepath.Join(root, "etc/relay/mapping.yaml")
	edited := "version: 1\nevents: { Order Completed: \"701000000000009\" }\n"
	if err := os.WriteFile(mapping, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := install(); strings.Contains(said, "not started") {
		t.Errorf("an upgrade says\n%s", said)
	}
	if got, err := os.ReadFile(mapping); err != nil || string(got) != edited {
		t.Errorf("after an upgrade: %v %q", err, got)
	}
	if out := command(t, filepath.Join(root, "usr/bin/relay"), "check", mapping); !strings.Contains(out, "mapping.yaml") {
		t.Errorf("the installed binary checks: %s", out)
	}
}

func TestRPM(t *testing.T) {
	rpm := one(t, "*_linux_amd64.rpm")
	if got := command(t, "rpm", "-qp", "--nosignature", "--configfiles", rpm); got != "/etc/relay/mapping.yaml\n/etc/relay/relay.yaml\n" {
		t.Errorf("config files: %q", got)
	}
	// 16: RPMFILE_NOREPLACE
	flags := command(t, "rpm", "-qp", "--nosignature", "--qf", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", rpm)
	for _, want := range []string{"/etc/relay/relay.yaml cn\n", "/etc/relay/mapping.yaml cn\n", "/usr/bin/relay \n", "/usr/share/zsh/site-functions/_relay \n"} {
		if !strings.Contains(flags, want) {
			t.Errorf("no %q in\n%s", want, flags)
		}
	}
}
