package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"relay/relay/internal/sandbox"
)

// files reads every file below dir.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// queueKeysInUse asks a running relay.
func queueKeysInUse(t *testing.T, p *process) []string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.admin+"/api/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var st struct {
		Queue struct {
			Keys []string `json:"encryption_keys"`
		} `json:"queue"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		t.Fatal(err)
	}
	return st.Queue.Keys
}

// A queue with a key, through the real program: nothing on disk can be read
// without it, it can be changed while relay runs, and the wrong one is refused
// before anything is touched.
func TestEncryptedAtRest(t *testing.T) {
	_, graph := startSandbox(t, sandbox.Options{})
	h := newHome(t, strings.Replace(testConfig(graph, ""), "segment_size: 1MiB", "segment_size: 64KiB, encryption_key: queue.key", 1), testMapping)
	key := func(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	h.write(t, "queue.key", key(1)+"\n")
	p := h.start(t)
	// One is delivered and leaves a receipt, one becomes a dead letter, one waits
	// for a mapping that knows it.
	batch := `{"batch":[` + order("sealed-1") + `,{"type":"track","messageId":"sealed-2","properties":{"email":"person.sealed-2@example.com"}},` +
		strings.Replace(order("sealed-3"), "Order Completed", "Never Mapped", 1) + `]}`
	if code, body := post(t, p.url+"/v1/batch", batch); code != 200 {
		t.Fatal(code, body)
	}
	settled := func() bool {
		_, m := httpGet(t, p.admin+"/api/v1/status")
		var st struct {
			Queue struct{ Pending, Dead int64 } `json:"queue"`
		}
		return json.Unmarshal(m, &st) == nil && st.Queue.Pending == 0 && st.Queue.Dead == 1
	}
	eventually(t, "one delivered, one dead", settled)
	p.kill(t)
	for path, b := range files(t, h.path("data")) {
		for _, s := range []string{"person.sealed", "loyal-sealed", "sealed-1", "sealed-2", "sealed-3", "Order Completed"} {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s: %q can be read in %s", filepath.Base(path), s, path)
			}
		}
	}

	p = h.start(t)
	h.write(t, "queue.key", key(2)+"\n"+key(1)+"\n")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code, body := post(t, p.url+"/v1/track", strings.Replace(order("sealed-4"), "Order Completed", "Never Mapped", 1)); code != 200 {
		t.Fatal(code, body)
	}
	var ids []string
	eventually(t, "everything sealed with the new key", func() bool {
		ids = queueKeysInUse(t, p)
		return len(ids) == 1 && strings.Contains(p.log.String(), `"code":"resealed"`)
	})
	h.write(t, "queue.key", key(2)+"\n")
	p.stop(t)

	before := files(t, h.path("data"))
	for name, text := range map[string]string{"the old key": key(1), "another key": key(9), "half a key": key(2)[:20]} {
		h.write(t, "queue.key", text+"\n")
		out, err := relayCommand(t.Context(), "run", "--config", h.path("relay.yaml")).CombinedOutput()
		if exitOf(err) != 78 || !strings.Contains(string(out), "key") {
			t.Errorf("with %s: exit %d, want 78 and a word about the key\n%s", name, exitOf(err), out)
		}
		if strings.Contains(string(out), text) {
			t.Errorf("with %s: it is in the output", name)
		}
	}
	after := files(t, h.path("data"))
	for path, b := range before {
		if !strings.HasSuffix(path, "lock") && sha256.Sum256(b) != sha256.Sum256(after[path]) {
			t.Errorf("%s has changed though the start was refused", filepath.Base(path))
		}
		delete(after, path)
	}
	if len(after) != 0 {
		t.Errorf("a refused start left %d files", len(after))
	}

	h.write(t, "queue.key", key(2)+"\n")
	out, err := relayCommand(t.Context(), "queue", "export", "--config", h.path("relay.yaml")).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for l := range strings.Lines(string(out)) {
		var x struct {
			ID string `json:"message_id"`
		}
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			t.Fatalf("%v in %q", err, l)
		}
		got = append(got, x.ID)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[sealed-3 sealed-4]" {
		t.Errorf("waiting: %v, want sealed-3 and sealed-4", got)
	}
}

func httpGet(t *testing.T, url string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.Bytes()
}
