package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"relay/relay/internal/exit"
)

// Every command has its page, and groff has nothing to say about any.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"man", dir}, strings.NewReader(""), &out, &errs); code != exit.OK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	groff, _ := exec.LookPath("groff")
	files, err := filepath.Glob(filepath.Join(dir, "*.1.gz"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	for _, want := range []string{"relay.1.gz", "relay-run.1.gz", "relay-dead-retry.1.gz"} {
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Error(err)
		}
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		for _, section := range []string{".TH ", ".SH NAME", ".SH SYNOPSIS", ".SH EXIT STATUS"} {
			if !bytes.Contains(page, []byte(section)) {
				t.Errorf("%s has no %s", filepath.Base(file), section)
			}
		}
		if groff == "" {
			continue
		}
		cmd := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-ww", "-z")
		cmd.Stdin = bytes.NewReader(page)
		if complaint, err := cmd.CombinedOutput(); err != nil || len(complaint) > 0 {
			t.Errorf("groff %s: %v\n%s", filepath.Base(file), err, complaint)
		}
	}
}
