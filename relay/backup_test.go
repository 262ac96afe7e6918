package main

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"relay/relay/internal/exit"
)

// A backup that is encrypted on request holds nothing in the clear, is verified and
// restored with its passphrase alone, and one bit of it that differs is found.
func TestEncryptedBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	h := newHome(t, testConfig("127.0.0.1:1", ""), testMapping)
	p := h.start(t)
	if status, body := post(t, p.url+"/v1/track", order("E1")); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	conf, file := h.path("relay.yaml"), h.path("copy.tar.age")
	h.write(t, "words", "correct horse battery staple\n")
	h.write(t, "other", "another horse battery staple\n")
	h.write(t, "short", "horse\n")
	run := func(want int, says string, args ...string) {
		t.Helper()
		code, out := command(t, "", append(args, "--config", conf)...)
		if code != want || !strings.Contains(out, says) || strings.Contains(out, "horse") {
			t.Errorf("%v: exit %d, %s", args, code, out)
		}
	}
	run(exit.UsageCode, "at least 16 characters", "backup", file, "--passphrase-file", h.path("short"))
	run(exit.UsageCode, "no such file", "backup", file, "--passphrase-file", h.path("none"))
	run(exit.OK, "written to", "backup", file, "--passphrase-file", h.path("words"))
	run(exit.OK, "written to", "backup", h.path("plain.tar"))
	p.stop(t)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile(h.path("plain.tar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []string{"relay-backup/", "relay-secret-1"} {
		if bytes.Contains(b, []byte(clear)) || !bytes.Contains(plain, []byte(clear)) {
			t.Errorf("%q: in the encrypted one %v, in the plain one %v", clear, bytes.Contains(b, []byte(clear)), bytes.Contains(plain, []byte(clear)))
		}
	}
	run(exit.OK, "is complete", "backup", "--verify", file, "--passphrase-file", h.path("words"))
	run(exit.UsageCode, "is encrypted: give --passphrase-file", "backup", "--verify", file)
	run(exit.Failure, "is this the passphrase", "backup", "--verify", file, "--passphrase-file", h.path("other"))
	run(exit.UsageCode, "is not encrypted", "backup", "--verify", h.path("plain.tar"), "--passphrase-file", h.path("words"))
	for _, at := range []int{len(b) / 2, len(b) - 1} {
		bad := bytes.Clone(b)
		bad[at] ^= 1
		h.write(t, "bad.age", string(bad))
		run(exit.Failure, "verify", "backup", "--verify", h.path("bad.age"), "--passphrase-file", h.path("words"))
	}
	h.write(t, "cut.age", string(b[:len(b)-100]))
	run(exit.Failure, "incomplete", "backup", "--verify", h.path("cut.age"), "--passphrase-file", h.path("words"))
	if err := os.Rename(h.path("data"), h.path("old")); err != nil {
		t.Fatal(err)
	}
	run(exit.UsageCode, "is encrypted", "restore", file)
	run(exit.OK, "Waiting events: 1,", "restore", file, "--passphrase-file", h.path("words"))
	if code, out := command(t, "", "queue", "export", "--config", conf); code != exit.OK || !strings.Contains(out, "person.E1@example.com") || !strings.Contains(out, "1 event written, with customers' personal data") {
		t.Errorf("exit %d, %s", code, out)
	}
}
