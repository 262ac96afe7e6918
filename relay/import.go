package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/mapper"
	"relay/relay/internal/spool"
)

func newImportCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Put past events from a file into the queue: JSON lines or CSV, resumable, no duplicates",
		Long: `Reads track calls from FILE (- is standard input), checks the first 1,000 rows, then
stores all of them: in the running relay, or in the queue itself when none runs.

JSON: one event a line, or any JSON values; saved requests with a "batch" are taken
apart. CSV: the header names paths (event, timestamp, userId, context.traits.email,
properties.revenue); other names are properties. --column maps a header of another
system to a path, or leaves the column out. Separator and encoding (UTF-8 with or
without byte order mark, UTF-16, Windows-1252) are found out. Times are RFC 3339,
date-times without zone, or seconds since 1970; a row without one is refused.

An import that was stopped, by you or by a power cut, goes on where it was when the
same command is given again. The same file is imported once. Rows that cannot be
used go to a report with their number, their text and the reason.

Exits 0 even when rows were refused; with --strict 1.`,
		Example: `  relay import sales.jsonl
  relay import export.csv --event 'Order Completed' --column 'Date=timestamp' \
      --column 'E-Mail=context.traits.email' --column 'Total=revenue' --column 'Clerk='
  relay import export.csv --dry-run`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return runImport(c, args[0], &f) },
	}
	addConfigFlag(c)
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "jsonl, json or csv, whatever name and content say")
	fl.StringVar(&f.encoding, "encoding", "", "utf-8, utf-16 or windows-1252, whatever the content says")
	fl.StringVar(&f.separator, "separator", "", "of CSV, when it is not found out: , ; | or tab")
	fl.StringArrayVar(&f.columns, "column", nil, "HEADER=PATH of CSV; an empty PATH leaves the column out; may be repeated")
	fl.StringVar(&f.event, "event", "", "event name of rows that give none (CSV)")
	fl.BoolVar(&f.skipBad, "skip-bad", false, "store the good rows although some of the first 1,000 are bad")
	fl.BoolVar(&f.undated, "undated", false, "take rows without a time that can be read: they happened now")
	fl.StringVar(&f.report, "report", "", "where refused rows go (default: FILE.refused.jsonl)")
	fl.StringVar(&f.run, "run", "", "a name for this import: the same file under another name is imported anew")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only check the first 1,000 rows and say what they would become")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 when a row was refused")
	fl.BoolVar(&f.json, "json", false, "the result as a JSON object")
	return c
}

type importFlags struct {
	format, encoding, separator, event, report, run string
	columns                                         []string
	skipBad, undated, dryRun, strict, json          bool
}

// options turns flags into what spool wants.
func (f *importFlags) options() (spool.Options, error) {
	o := spool.Options{
		Format: spool.Format(f.format), Encoding: spool.Encoding(strings.ToLower(f.encoding)),
		Event: f.event, SkipBad: f.skipBad, Undated: f.undated, Run: f.run, CheckOnly: f.dryRun,
	}
	switch o.Format {
	case spool.Auto, spool.JSONLines, spool.JSON, spool.CSV:
	default:
		return o, usageError{fmt.Errorf("--format %q: want jsonl, json or csv", f.format)}
	}
	switch o.Encoding {
	case spool.AutoEncoding, spool.UTF8, spool.UTF16, spool.Windows1252:
	default:
		return o, usageError{fmt.Errorf("--encoding %q: want utf-8, utf-16 or windows-1252", f.encoding)}
	}
	switch s := []rune(f.separator); {
	case len(s) == 0:
	case f.separator == "tab", f.separator == `\t`:
		o.Comma = '\t'
	case len(s) == 1 && !strings.ContainsRune("\"\r\n\uFFFD", s[0]):
		o.Comma = s[0]
	default:
		return o, usageError{fmt.Errorf("--separator %q: want one character, or tab", f.separator)}
	}
	for _, c := range f.columns {
		at := strings.LastIndexByte(c, '=') // no path holds one
		if at < 1 {
			return o, usageError{fmt.Errorf("--column %q: want HEADER=PATH", c)}
		}
		if o.Columns == nil {
			o.Columns = map[string]string{}
		}
		o.Columns[strings.TrimSpace(c[:at])] = strings.TrimSpace(c[at+1:])
	}
	return o, nil
}

func runImport(c *cobra.Command, name string, f *importFlags) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	in, err := openImport(name, c.InOrStdin())
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if o.ReportFile = f.report; o.ReportFile == "" {
		o.ReportFile = in.name + ".refused.jsonl"
	}
	d, cfg, err := openImportDesk(c, f.dryRun)
	if err != nil {
		return err
	}
	if d != nil {
		defer d.close()
	}
	ctx, stderr := c.Context(), c.ErrOrStderr()
	m, err := mappingInForce(ctx, d, cfg)
	if err != nil {
		return err
	}
	now := time.Now()
	fate := newForecast(m, now)
	show := newImportProgress(stderr)
	o.Name, o.MaxEventBytes, o.Received = in.name, int(cfg.Intake.MaxEventBytes), now
	o.Check, o.Checked = fate.add, func(rows int) { show.say(fate.words(rows)) }
	o.Progress = show.update
	o.OnResume = func(rows int64) { show.say(fmt.Sprintf("going on behind row %d", rows)) }
	o.Logger = newLogger(show, config.Log{Format: "text"}, new(slog.LevelVar))
	if !f.dryRun {
		door := &importDoor{desk: d, received: now, logger: o.Logger, patience: unreachablePatience}
		o.Queue, o.State, o.OnKey = door, door, func(key string) { door.key = key }
	}
	rep, err := spool.Import(ctx, in, o)
	show.done()
	return f.finish(c, name, o.ReportFile, rep, err)
}

// finish says what became of the file.
func (f *importFlags) finish(c *cobra.Command, name, report string, rep spool.Report, err error) error {
	if err != nil {
		more := ""
		if rep.Rows > 0 {
			more = fmt.Sprintf("; %s are dealt with, the same command goes on behind them", count(int(rep.Rows), "row"))
		}
		if cause := context.Cause(c.Context()); cause != nil {
			return fmt.Errorf("%w%s", cause, more)
		}
		var check *spool.CheckError
		var format *spool.FormatError
		if errors.As(err, &check) || errors.As(err, &format) {
			return fmt.Errorf("%s: %w%s", name, err, more)
		}
		return deskError(fmt.Errorf("import %s: %w%s", name, err, more))
	}
	out := c.OutOrStdout()
	if rep.Refused == 0 {
		report = ""
	}
	switch {
	case f.json:
		err = jsonLine(out, struct {
			spool.Counts
			Resumed int64  `json:"resumed"`
			Already bool   `json:"already"`
			Report  string `json:"report,omitempty"`
			DryRun  bool   `json:"dry_run,omitempty"`
		}{rep.Counts, rep.Resumed, rep.Already, report, f.dryRun})
	case f.dryRun:
		_, err = fmt.Fprintln(out, "nothing was stored: --dry-run")
	default:
		_, err = fmt.Fprintln(out, importWords(name, report, rep))
	}
	if err == nil && f.strict && rep.Refused > 0 {
		err = codeError{exitFailure, fmt.Errorf("%s refused", count(int(rep.Refused), "row"))}
	}
	return err
}

func importWords(name, report string, rep spool.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", name)
	if rep.Already {
		b.WriteString("was imported before, nothing to do (--run imports it anew): ")
	} else if rep.Resumed > 0 {
		fmt.Fprintf(&b, "went on behind row %d: ", rep.Resumed)
	}
	fmt.Fprintf(&b, "%s, %d stored", count(int(rep.Rows), "row"), rep.Stored)
	if rep.Duplicates > 0 {
		fmt.Fprintf(&b, ", %d were there already", rep.Duplicates)
	}
	if rep.Conflicts > 0 {
		fmt.Fprintf(&b, ", %d have the messageId of another event and are dead letters (id_conflict)", rep.Conflicts)
	}
	if rep.Ignored > 0 {
		fmt.Fprintf(&b, ", %d other than track calls left out", rep.Ignored)
	}
	if rep.Refused > 0 {
		fmt.Fprintf(&b, ", %d refused (see %s)", rep.Refused, report)
	}
	return b.String()
}

// importFile is a file to import. What comes from a pipe is put into a
// temporary file first, since it is read more than once.
type importFile struct {
	*os.File
	name string
	gone bool // when closed
}

func (f *importFile) Close() error {
	err := f.File.Close()
	if f.gone {
		err = errors.Join(err, os.Remove(f.File.Name()))
	}
	return err
}

func openImport(name string, stdin io.Reader) (*importFile, error) {
	from, label := stdin, "stdin"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		fi, err := f.Stat()
		switch {
		case err != nil:
			_ = f.Close()
			return nil, fmt.Errorf("import: %w", err)
		case fi.IsDir():
			_ = f.Close()
			return nil, fmt.Errorf("import: %s is a directory; spool: in relay.yaml takes files from one", name)
		case fi.Mode().IsRegular():
			return &importFile{File: f, name: name}, nil
		}
		defer f.Close()
		from, label = f, filepath.Base(name)
	}
	tmp, err := os.CreateTemp("", "relay-import-*")
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	out := &importFile{File: tmp, name: label, gone: true}
	if _, err := io.Copy(tmp, from); err != nil {
		return nil, errors.Join(fmt.Errorf("import: read %s: %w", label, err), out.Close())
	}
	return out, nil
}

// mappingInForce is the running relay's mapping, else that of the file.
func mappingInForce(ctx context.Context, d *desk, cfg *config.Config) (*mapper.Mapping, error) {
	if d != nil && !d.offline {
		t, err := d.Mapping(ctx)
		if err != nil {
			return nil, deskError(err)
		}
		m, _, err := mapper.Parse(t.File, []byte(t.Text))
		return m, err
	}
	src, err := os.ReadFile(cfg.Mapping)
	if err != nil {
		return nil, badConfig(fmt.Errorf("read mapping: %w", err))
	}
	m, _, err := mapper.Parse(cfg.Mapping, src)
	return m, err
}
