package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
)

// TestFileNamesInTheLog: neither the attribute nor an error shows whom a dropped
// file is named after.
func TestFileNamesInTheLog(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(fileNames{slog.NewTextHandler(&b, nil)})
	const name = "Ada Lovelace ada@example.com +12125550147.jsonl"
	err := &fs.PathError{Op: "open", Path: "/spool/" + name, Err: errors.New("denied")}
	log.Warn("spool: file cannot be taken", "file", name, "err", err)
	log.With("file", name, "err", err).Warn("spool: again", "rows", 3)
	log.Info("spool: file stored", "file", "sales-2026-11-20.csv", "rows", 3)
	out := b.String()
	for _, s := range []string{"Ada", "Lovelace", "ada@example", "0147"} {
		if strings.Contains(out, s) {
			t.Errorf("the log shows %s:\n%s", s, out)
		}
	}
	for _, s := range []string{"sales-2026-11-20.csv", "rows=3", "denied", "Aaa Aaaaaaaa"} {
		if !strings.Contains(out, s) {
			t.Errorf("the log lacks %s:\n%s", s, out)
		}
	}
}
