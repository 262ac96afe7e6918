package packaging

import (
	"bufio"
	"debug/elf"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"relay/config"
	"relay/mapper"
)

// instructions returns the instructions of a Containerfile, with continued lines joined.
func instructions(t *testing.T, path string) [][]string {
	t.Helper()
	var out [][]string
	text := strings.ReplaceAll(read(t, path), "\\\n", " ")
	sc := bufio.NewScanner(strings.NewReader(text))
	for sc.Scan() {
		if f := strings.Fields(sc.Text()); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
			out = append(out, f)
		}
	}
	return out
}

func TestContainerfile(t *testing.T) {
	known := map[string]bool{
		"FROM": true, "WORKDIR": true, "COPY": true, "RUN": true, "ARG": true, "USER": true, "VOLUME": true,
		"EXPOSE": true, "STOPSIGNAL": true, "HEALTHCHECK": true, "ENTRYPOINT": true, "CMD": true,
	}
	seen := map[string]string{}
	last := ""
	for _, f := range instructions(t, "container/Containerfile") {
		if !known[f[0]] {
			t.Errorf("%s is no instruction", f[0])
		}
		seen[f[0]] = strings.Join(f[1:], " ")
		switch f[0] {
		case "FROM":
			last = f[1]
		case "COPY":
			if strings.HasPrefix(f[1], "--from=") {
				continue // of the build stage
			}
			for _, src := range f[1 : len(f)-1] {
				if _, err := os.Stat(filepath.Join("..", src)); err != nil {
					t.Errorf("COPY %s: %v", src, err)
				}
			}
		}
	}
	// The base is named by its digest, and its Go is that of go.mod.
	toolchain := regexp.MustCompile(`(?m)^toolchain go([0-9.]+)$`).FindStringSubmatch(read(t, "../go.mod"))
	if toolchain == nil {
		t.Fatal("go.mod names no toolchain")
	}
	base := regexp.MustCompile(`(?m)^ARG GO_IMAGE=docker\.io/library/golang:` + regexp.QuoteMeta(toolchain[1]) + `@sha256:[0-9a-f]{64}\nFROM \$\{GO_IMAGE\} AS build$`)
	if !base.MatchString(read(t, "container/Containerfile")) {
		t.Errorf("the build does not begin with %s", base)
	}
	if last != "scratch" {
		t.Errorf("the image is based on %s, want scratch", last)
	}
	for key, want := range map[string]string{
		"USER": "65532:65532", "VOLUME": "/var/lib/relay", "HEALTHCHECK": `CMD ["/usr/bin/relay", "health", "--config", "/etc/relay/relay.yaml"]`,
		"ENTRYPOINT": `["/usr/bin/relay"]`,
	} {
		if !strings.Contains(seen[key], want) {
			t.Errorf("%s is %q, want %q", key, seen[key], want)
		}
	}
}

// TestContainerToolchain runs the step of the build that looks at the image's Go: an image
// of another version ends the build.
func TestContainerToolchain(t *testing.T) {
	step := ""
	for _, f := range instructions(t, "container/Containerfile") {
		if text := strings.Join(f, " "); f[0] == "RUN" && strings.Contains(text, "GOVERSION") {
			step = strings.TrimPrefix(text, "RUN ")
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module relay\n\ngo 1.26.0\n\ntoolchain go1.26.8\n", "go": "#!/bin/sh\necho $FAKE\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for have, ok := range map[string]bool{"go1.26.8": true, "go1.26.7": false, "": false} {
		c := exec.CommandContext(t.Context(), "sh", "-c", step)
		c.Dir, c.Env = dir, []string{"PATH=" + dir + ":/usr/bin:/bin", "FAKE=" + have}
		if out, err := c.CombinedOutput(); step == "" || (err == nil) != ok || !ok && !strings.Contains(string(out), "go.mod names go1.26.8") {
			t.Errorf("with %s: %v %s", have, err, out)
		}
	}
}

// The config files of images and packages load without a change.
func TestShippedConfigs(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	for _, path := range []string{"container/relay.yaml", "config/relay.yaml"} {
		c, warnings, err := config.Parse(path, []byte(read(t, path)), config.Options{LookupEnv: none})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, w := range warnings {
			t.Errorf("%s: %v", path, w)
		}
		if c.Queue.Path != "/var/lib/relay/queue" || c.Listen != "127.0.0.1:8585" || c.Admin.Listen != "127.0.0.1:8586" {
			t.Errorf("%s: queue %s, listen %s, admin %s", path, c.Queue.Path, c.Listen, c.Admin.Listen)
		}
	}
	if _, _, err := mapper.Parse("mapping.yaml", []byte(read(t, "../examples/mapping.yaml"))); err != nil {
		t.Error(err)
	}
}

// The binary of image and packages needs no other file.
func TestBinaryIsStatic(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux binaries are looked into on Linux")
	}
	f, err := elf.Open(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libs, err := f.ImportedLibraries()
	if err != nil || len(libs) > 0 {
		t.Errorf("needs %v, %v", libs, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("asks for a dynamic loader")
		}
	}
}

// Runs the image's contents like a container: another root, read-only except for
// the volume, no root, no capability, a /proc that shows only
// processes. relay accepts an event, is healthy, and stops cleanly.
func TestImageRunsReadOnlyWithoutRoot(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("needs root on Linux")
	}
	unshare := need(t, "unshare")
	if out, err := exec.CommandContext(t.Context(), unshare, "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("no mount namespaces here: %s", out)
	}
	root := filepath.Join(t.TempDir(), "root")
	for _, d := range []string{"usr/bin", "etc/relay/mapping", "var/lib/relay", "proc"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "var/lib/relay"), 65532, 65532); err != nil {
		t.Fatal(err)
	}
	place := func(from, to string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(root, to), []byte(read(t, from)), mode); err != nil {
			t.Fatal(err)
		}
	}
	place(binary(t), "usr/bin/relay", 0o755)
	place("container/relay.yaml", "etc/relay/relay.yaml", 0o644)
	place("../examples/mapping.yaml", "etc/relay/mapping/mapping.yaml", 0o644)

	listen, admin, health := freeAddress(t), freeAddress(t), freeAddress(t)
	image := func(args ...string) *exec.Cmd {
		script := `set -e
mount --bind "$0" "$0"
mount --bind "$0/var/lib/relay" "$0/var/lib/relay"
mount -t proc -o subset=pid proc "$0/proc" 2>/dev/null || mount -t proc proc "$0/proc"
mount -o remount,bind,ro "$0"
cd "$0"
exec chroot --userspec=65532:65532 --groups= . /usr/bin/relay "$@"`
		cmd := exec.CommandContext(t.Context(), unshare, append([]string{"--mount", "sh", "-c", script, root}, args...)...)
		cmd.Env = []string{"RELAY_LISTEN=" + listen, "RELAY_ADMIN_LISTEN=" + admin, "RELAY_HEALTH_LISTEN=" + health, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		return cmd
	}

	if out, err := image("version").CombinedOutput(); err != nil {
		t.Skipf("no such root can be made here: %v\n%s", err, out)
	}
	if out, err := image("health", "--config", "/etc/relay/relay.yaml").CombinedOutput(); err == nil {
		t.Errorf("healthy before it runs: %s", out)
	}
	run := image("run", "--config", "/etc/relay/relay.yaml")
	stderr, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), `"code":"listening"`) {
		t.Log(lines.Text())
	}
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		_, _ = io.Copy(io.Discard, stderr)
	}()

	body := strings.NewReader(`{"event":"Order Completed","userId":"u1","properties":{"revenue":39.95,"currency":"USD"}}`)
	if status, answer := call(t, http.MethodPost, "http://"+listen+"/v1/track", body); status != http.StatusOK || answer != `{"success":true}` {
		t.Errorf("track: %d %s", status, answer)
	}
	if out, err := image("health", "--config", "/etc/relay/relay.yaml").CombinedOutput(); err != nil || string(out) != "ready\n" {
		t.Errorf("health: %v %s", err, out)
	}
	if out, err := image("status", "--config", "/etc/relay/relay.yaml").CombinedOutput(); err != nil || !strings.Contains(string(out), "queue") {
		t.Errorf("status: %v %s", err, out)
	}
	if _, answer := call(t, http.MethodGet, "http://"+health+"/readyz", nil); answer != "ok\n" {
		t.Errorf("health.listen: %s", answer)
	}
	if _, answer := call(t, http.MethodGet, "http://"+admin+"/metrics", nil); !strings.Contains(answer, "process_resident_memory_bytes") {
		t.Error("no numbers of the process where /proc shows processes alone")
	}
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-rest
	if err := run.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if files, err := os.ReadDir(filepath.Join(root, "var/lib/relay/queue")); err != nil || len(files) == 0 {
		t.Errorf("nothing in the volume: %v", err)
	}
}

func call(t *testing.T, method, url string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(b)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
