package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relay/config"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
	"relay/relay/internal/track"
)

// Letters travel in requests of so many at most, and of about so many bytes.
const (
	lettersAtOnce = 500
	lettersBytes  = 4 << 20
	maxLetterLine = 64 << 20
)

// importDead stores the dead letters of an export. Nothing is stored before all of the
// file was read.
func importDead(c *cobra.Command, name string, f *importFlags) error {
	if !f.dead {
		return exit.Usage(errors.New("--store is for --dead: events of the past go through a store's relay"))
	}
	var wrong error
	c.Flags().Visit(func(x *pflag.Flag) {
		if !slices.Contains([]string{"config", "dead", "store", "dry-run", "json"}, x.Name) && wrong == nil {
			wrong = exit.Usage(fmt.Errorf("--%s says nothing of dead letters: --dead takes --store, --dry-run and --json alone", x.Name))
		}
	})
	if wrong != nil {
		return wrong
	}
	in, err := openImport(name, c.InOrStdin(), func() string { return importCopy(c) })
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	d, cfg, err := openImportSession(c, f.dryRun)
	if err != nil {
		return err
	}
	if d != nil {
		defer d.Close()
	}
	if f.store != "" && !slices.ContainsFunc(cfg.Auth.Keys, func(k config.Key) bool { return k.Store == f.store }) {
		return exit.Usage(fmt.Errorf("--store %q: no key of auth.keys has that store", f.store))
	}
	reasons := map[string]int{}
	n := 0
	if err := eachLetter(in, func(x api.DeadDetail, _ int) error {
		n++
		reasons[x.Reason]++
		return nil
	}); err != nil {
		return fmt.Errorf("%s: %w; nothing was stored", in.name, err)
	}
	done := api.Imported{}
	if !f.dryRun {
		if done, err = storeLetters(c, d, in, f.store); err != nil {
			return session.Coded(fmt.Errorf("import %s: %w; %s stored, the same command goes on", in.name, err, term.Count(done.Stored, "dead letter")))
		}
	}
	out := c.OutOrStdout()
	if f.json {
		return term.JSONLine(out, struct {
			Letters    int  `json:"letters"`
			Stored     int  `json:"stored"`
			Duplicates int  `json:"duplicates"`
			DryRun     bool `json:"dry_run,omitempty"`
		}{n, done.Stored, done.Duplicates, f.dryRun})
	}
	fmt.Fprintf(out, "%s: %s", in.name, term.Count(n, "dead letter"))
	if s := term.Tally(reasons); s != "" {
		fmt.Fprintf(out, " (%s)", s)
	}
	switch {
	case f.dryRun:
		fmt.Fprintln(out, "; nothing was stored: --dry-run")
		return nil
	case done.Duplicates > 0:
		fmt.Fprintf(out, ", %d stored, %d were there already\n", done.Stored, done.Duplicates)
	default:
		fmt.Fprintf(out, ", %d stored\n", done.Stored)
	}
	if d.Offline && done.Stored > 0 {
		fmt.Fprintln(out, "No relay is running: `relay dead` knows them when one does.")
	}
	return nil
}

// storeLetters stores them in pieces.
func storeLetters(c *cobra.Command, d *session.Session, in io.ReadSeeker, store string) (done api.Imported, err error) {
	piece, size := api.DeadImport{Store: store}, 0
	send := func() error {
		if len(piece.Letters) == 0 {
			return nil
		}
		r, err := d.ImportDead(c.Context(), piece)
		done.Stored, done.Duplicates = done.Stored+r.Stored, done.Duplicates+r.Duplicates
		piece.Letters, size = nil, 0
		return err
	}
	err = eachLetter(in, func(x api.DeadDetail, bytes int) error {
		if len(piece.Letters) >= lettersAtOnce || size > 0 && size+bytes > lettersBytes {
			if err := send(); err != nil {
				return err
			}
		}
		piece.Letters, size = append(piece.Letters, x), size+bytes
		return nil
	})
	if err != nil {
		return done, err
	}
	return done, send()
}

// eachLetter reads an export from its beginning.
func eachLetter(in io.ReadSeeker, fn func(x api.DeadDetail, bytes int) error) error {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLetterLine)
	line := 0
	for lines.Scan() {
		line++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		var x api.DeadDetail
		err := json.Unmarshal(text, &x)
		if err == nil {
			err = x.Check(track.IsEventSet)
		} else {
			err = errors.New("it is no dead letter as `relay dead export` writes it")
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if err := fn(x, len(text)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", line+1, err)
	}
	return nil
}
