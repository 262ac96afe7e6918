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

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relay/relay/internal/exit"
)

// bare is a text without blanks, backquotes and #, in the characters that are typed:
// in a page groff breaks the lines and prints typographic quotes and dashes.
func bare(text string) string {
	return strings.NewReplacer("’", "'", "‘", "", "`", "", "#", "", "‐", "-", "−", "-", "ˆ", "^", "˜", "~").Replace(strings.Join(strings.Fields(text), ""))
}

// manualOf is the command whose words, joined by dashes, a page is named after.
func manualOf(t *testing.T, words []string) *cobra.Command {
	t.Helper()
	root := newRoot()
	root.InitDefaultCompletionCmd()
	c, rest, err := root.Find(words[1:])
	if err != nil || len(rest) > 0 { // a dash of its own: support-bundle
		c, rest, err = root.Find([]string{strings.Join(words[1:], "-")})
	}
	if err != nil || len(rest) > 0 {
		t.Fatalf("no command %q: %v", words, err)
	}
	return c
}

// Every command has its page, groff has nothing to say about any, and each shows
// what --help says: no text is taken for the page's own markup.
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
		// As man calls it, for a terminal: no hyphenation, no bold.
		cmd := exec.CommandContext(t.Context(), groff, "-k", "-Kutf8", "-man", "-Tutf8", "-ww", "-rHY=0", "-P-cbou")
		cmd.Stdin = bytes.NewReader(page)
		var shown, complaint bytes.Buffer
		cmd.Stdout, cmd.Stderr = &shown, &complaint
		if err := cmd.Run(); err != nil || complaint.Len() > 0 {
			t.Errorf("groff %s: %v\n%s", filepath.Base(file), err, &complaint)
		}
		name := strings.Split(strings.TrimSuffix(filepath.Base(file), ".1.gz"), "-")
		c := manualOf(t, name)
		seen := bare(shown.String())
		said := append(strings.Split(c.Long, "\n\n"), c.Short, c.UseLine(), c.Example, exitCodes)
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				said = append(said, "--"+f.Name, f.Usage)
			}
		})
		for _, text := range said {
			if !strings.Contains(seen, bare(text)) {
				t.Errorf("%s does not show what --help says: %q", filepath.Base(file), text)
			}
		}
	}
}
