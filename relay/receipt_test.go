package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// command runs relay in this process and returns what it prints.
func command(t *testing.T, stdin string, args ...string) (code int, out string) {
	t.Helper()
	var b lockedBuffer
	code = run(context.Background(), args, strings.NewReader(stdin), &b, &b)
	return code, b.String()
}

// TestReceipts asks what became of a sale: delivered, waiting, dead, unknown,
// forgotten; of a running relay and of its directory; plain and encrypted.
func TestReceipts(t *testing.T) {
	for name, key := range map[string]string{"plain": "", "encrypted": strings.Repeat("5a", 32)} {
		t.Run(name, func(t *testing.T) {
			_, addr := startSandbox(t, sandbox.Options{})
			more := ""
			if key != "" {
				more = "  encryption_key: key"
			}
			config := strings.NewReplacer("admin: { listen: 127.0.0.1:0 }", "admin: { listen: \"unix:admin.sock\" }",
				"queue: { path: data, segment_size: 1MiB }", "queue:\n  path: data\n  segment_size: 1MiB\n"+more).Replace(testConfig(addr, ""))
			h := newHome(t, config, testMapping)
			h.write(t, "key", key)
			p := h.start(t)
			for _, id := range []string{"A&1", "A2", "A3", "A5", "A6"} {
				if status, body := post(t, p.url+"/v1/track", order(id)); status != http.StatusOK {
					t.Fatalf("%d %s", status, body)
				}
			}
			bad := strings.Replace(order("bad"), `"revenue":39.95`, `"revenue":"free"`, 1)
			if status, body := post(t, p.url+"/v1/track", bad); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			ask := func(id string) (code int, sales []api.Sale) {
				code, out := command(t, "", "receipt", id, "--json", "--config", h.path("relay.yaml"))
				for dec := json.NewDecoder(strings.NewReader(out)); code == 0; {
					var s api.Sale
					if err := dec.Decode(&s); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatalf("%v\n%s", err, out)
					}
					sales = append(sales, s)
				}
				return code, sales
			}
			is := func(id, state string) api.Sale {
				t.Helper()
				code, sales := ask(id)
				if code != 0 || len(sales) != 1 || sales[0].State != state || sales[0].OrderID != id || sales[0].MessageID != id {
					t.Fatalf("%s: exit %d, %+v; want one that is %s", id, code, sales, state)
				}
				return sales[0]
			}
			for _, id := range []string{"A&1", "A2", "A3", "A5", "A6", "bad"} {
				eventually(t, id+" is settled", func() bool { _, s := ask(id); return len(s) == 1 && s[0].State != api.SaleWaiting })
			}
			s := is("A&1", api.SaleDelivered)
			if r := s.Receipt; r.EventSet != "701000000000001" || r.Name != "Purchase" || r.FBTraceID == "" || r.Request == "" || r.Mapping == "" || r.DeliveredAt.IsZero() {
				t.Errorf("receipt %+v", *r)
			}
			if d := is("bad", api.SaleDead).Dead; d.Reason != "invalid_value" {
				t.Errorf("dead letter %+v", *d)
			}
			if code, _ := ask("A4"); code != exit.Failure {
				t.Errorf("unknown sale: exit %d", code)
			}
			if _, out := command(t, "", "receipt", "A2", "--config", h.path("relay.yaml")); !strings.Contains(out, "delivered") || !strings.Contains(out, "fbtrace_id") {
				t.Errorf("for people:\n%s", out)
			}

			code, out := command(t, "Person <PERSON.A2@example.com>\nloyal-A5\n", "forget", "--config", h.path("relay.yaml"))
			if code != 0 {
				t.Fatalf("forget: exit %d\n%s", code, out)
			}
			for _, id := range []string{"A2", "A5"} {
				if code, _ := ask(id); code != exit.Failure {
					t.Errorf("a forgotten person's sale %s: exit %d", id, code)
				}
			}

			if code, out := command(t, "", "lane", "pause", "701000000000001", "--config", h.path("relay.yaml")); code != 0 {
				t.Fatalf("pause: exit %d\n%s", code, out)
			}
			if status, body := post(t, p.url+"/v1/track", order("later")); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			is("later", api.SaleWaiting)

			tarFile := h.path("backup.tar")
			if code, out := command(t, "", "backup", tarFile, "--config", h.path("relay.yaml")); code != 0 {
				t.Fatalf("backup: exit %d\n%s", code, out)
			}
			if code, out := command(t, "", "backup", "--verify", tarFile); code != 0 || !strings.Contains(out, "is complete") {
				t.Errorf("verify: exit %d\n%s", code, out)
			}
			whole, err := os.ReadFile(tarFile)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(h.path("cut.tar"), whole[:len(whole)/2], 0o600); err != nil {
				t.Fatal(err)
			}
			if code, out := command(t, "", "backup", "--verify", h.path("cut.tar")); code != exit.Failure || !strings.Contains(out, "incomplete") {
				t.Errorf("verify what was cut: exit %d\n%s", code, out)
			}
			p.kill(t)

			is("A3", api.SaleDelivered) // from the directory
			is("later", api.SaleWaiting)
			if code, out := command(t, "mailto:person.A3@example.com\nloyal-A6\n", "forget", "--config", h.path("relay.yaml")); code != 0 {
				t.Fatalf("forget: exit %d\n%s", code, out)
			}
			for _, id := range []string{"A3", "A6"} {
				if code, _ := ask(id); code != exit.Failure {
					t.Errorf("a forgotten person's sale %s: exit %d", id, code)
				}
			}
			is("A&1", api.SaleDelivered)

			if err := os.RemoveAll(h.path("data")); err != nil {
				t.Fatal(err)
			}
			untar(t, tarFile, h.path("data"))
			is("A3", api.SaleDelivered) // as it was when the copy was made
			is("later", api.SaleWaiting)
			if code, out := command(t, "person.A3@example.com\n", "forget", "--config", h.path("relay.yaml")); code != 0 { // by the secret in the copy
				t.Fatalf("forget: exit %d\n%s", code, out)
			}
			if code, _ := ask("A3"); code != exit.Failure {
				t.Errorf("a person forgotten in what was restored: exit %d", code)
			}
		})
	}
}

// untar unpacks a backup as an operator does: its folder becomes the queue's.
func untar(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(h.Name, "/")
		path := filepath.Join(dir, filepath.FromSlash(name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
