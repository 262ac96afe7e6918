package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relay/config"
	"relay/mapper"
	"relay/mapper/event"
	"relay/mapper/rules"
	"relay/mapper/zone"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/logging"
	"relay/relay/internal/session"
	"relay/relay/internal/sidecar"
	"relay/relay/internal/spool"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/term"
)

func newImportCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Import past events from a JSON or CSV file; resumable, without duplicates",
		Long: `Reads track calls from FILE (- is standard input), checks the first 1,000 rows, then
stores all rows: through the running relay, or directly in the queue if relay is not running.

JSON: one event per line, or any sequence of JSON values; the events of saved "batch"
requests are read one by one. CSV and TSV: the header names the columns. event, timestamp,
messageId, userId and names below context, traits, properties and integrations
(context.traits.email, properties.products[0].price) are paths in the event. Any other
header, even with dots and brackets, becomes a property of that name. Files can be gzipped.
Separator and encoding (UTF-8, UTF-16, Windows-1252) are detected, and so is Excel's sep=
line. A file that looks like another encoding is refused until --encoding names it.

--column 'PATH=HEADER' sets a path from a column, or from several columns:
'timestamp=Date + Time'. '=HEADER' ignores a column. Times are parsed as the mapping says.
--time-format gives another format: write 2 January 2006, 15:04:05 in that format. A row
with an unreadable time is refused.

--group-by combines the consecutive rows of an order into one event. Each row becomes an
item of products ('products[].price=Line price'); other fields come from the first row that
has them. --id names what identifies a sale in every export, such as the order number:
a column, or in JSON a property or a path. Each sale is stored once and remembered for
62 days, as long as Meta accepts in-store sales. A row of a known sale is counted as a
duplicate, and as changed if it differs; the stored sale stays as it is.

A file is refused before anything is stored if the mapping would send none of the checked
rows because no column is one in which it looks for the customer, or because it has none of
the events. The message names the columns and the fields; --unsent stores the file.

Reading stops if the file changes. To continue an import after an interruption or a power
cut, run the same command again. The same file is imported only once, even with
other columns; --run imports it again. Unusable rows are written to a report with their
number, their text and the reason.

Exits 0 even if rows were refused; with --strict it then exits 1.

--dead imports dead letters of another relay. They become dead letters here, with the same
reasons, and are not sent until "relay dead retry".`,
		Example: `  relay import sales.jsonl
  relay import export.csv --event 'Order Completed' --column 'timestamp=Date + Time' \
      --time-format '02.01.2006 15:04' --column 'context.traits.email=E-Mail' \
      --column 'revenue=Total' --column '=Clerk' --id 'Order No.'
  relay import export.csv --dry-run
  relay import --dead letters.jsonl --store 0042`,
		Args: cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if f.dead || c.Flags().Changed("store") {
				return importDead(c, args[0], &f)
			}
			return runImport(c, args[0], &f)
		},
	}
	cli.AddConfigFlag(c)
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "jsonl, json or csv (also for tabs) (default: detected)")
	fl.StringVar(&f.encoding, "encoding", "", "encoding of the file, such as windows-1250, shift_jis, gbk or ibm852 (default: detected)")
	fl.StringVar(&f.separator, "separator", "", "separator of CSV: one character, or tab (default: detected)")
	fl.StringArrayVar(&f.columns, "column", nil, "PATH=HEADER or PATH=HEADER + HEADER; an empty PATH ignores the column; repeatable (CSV)")
	fl.StringVar(&f.event, "event", "", "event name of rows without one (CSV)")
	fl.StringVar(&f.timeFormat, "time-format", "", "format of the times, such as '02/01/2006 15:04' (CSV)")
	fl.StringVar(&f.timezone, "timezone", "", "time zone of times without one, such as Europe/Berlin (default: the mapping's) (CSV)")
	fl.IntVar(&f.headerRow, "header-row", 0, "line number of the header, if it is not the first line (CSV)")
	fl.StringVar(&f.groupBy, "group-by", "", "column with the same value in all rows of an order (CSV)")
	fl.StringVar(&f.id, "id", "", "what identifies a sale in every export: a column (CSV), a property or path (JSON)")
	fl.BoolVar(&f.skipBad, "skip-bad", false, "store the good rows even if some of the first 1,000 are bad")
	fl.BoolVar(&f.undated, "undated", false, "accept rows without a time and use the current time")
	fl.BoolVar(&f.unsent, "unsent", false, "store the file even if the mapping would send none of the first 1,000 rows")
	fl.StringVar(&f.report, "report", "", "file for refused rows (default: FILE.refused.jsonl)")
	fl.StringVar(&f.run, "run", "", "name of this import; a new name imports the same file, and the same sales of --id, again")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only check the first 1,000 rows and show what they would become")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 if a row was refused")
	fl.BoolVar(&f.json, "json", false, "print the result as a JSON object")
	fl.BoolVar(&f.dead, "dead", false, "FILE holds dead letters that 'relay dead export' wrote at another relay")
	fl.StringVar(&f.store, "store", "", "with --dead, required at a hub: the store in auth.keys that they come from; '' for none")
	return c
}

type importFlags struct {
	format, encoding, separator, event, report, run string
	timeFormat, timezone, groupBy, id               string
	headerRow                                       int
	columns                                         []string
	skipBad, undated, unsent, dryRun, strict, json  bool
	dead                                            bool
	store                                           string
}

// options returns the import options of the flags.
func (f *importFlags) options() (spool.Options, error) {
	o := spool.Options{
		Format:  rows.Format(f.format),
		SkipBad: f.skipBad, Undated: f.undated, Unsent: f.unsent, Run: f.run, CheckOnly: f.dryRun,
		Layout: rows.Layout{Event: f.event, TimeFormat: f.timeFormat, HeaderRow: f.headerRow, GroupBy: f.groupBy, ID: f.id},
	}
	switch o.Format {
	case rows.Auto, rows.JSONLines, rows.JSON, rows.CSV:
	default:
		return o, exit.Usage(fmt.Errorf("--format %q: expected jsonl, json or csv", f.format))
	}
	var err error
	if o.Encoding, err = rows.ParseEncoding(f.encoding); err != nil {
		return o, exit.Usage(fmt.Errorf("--encoding %w", err))
	}
	if o.Comma, err = rows.ParseSeparator(f.separator); err != nil {
		return o, exit.Usage(fmt.Errorf("--separator %w", err))
	}
	if f.headerRow < 0 {
		return o, exit.Usage(fmt.Errorf("--header-row %d: the first line is 1", f.headerRow))
	}
	if f.timeFormat != "" {
		if err := event.CheckTimeFormat(f.timeFormat); err != nil {
			return o, exit.Usage(fmt.Errorf("--time-format %q: %w", f.timeFormat, err))
		}
	}
	if f.timezone != "" {
		if o.Zone, err = zone.Parse(f.timezone); err != nil {
			return o, exit.Usage(fmt.Errorf("--timezone %q: %w", f.timezone, err))
		}
	}
	for _, text := range f.columns {
		c, err := rows.ParseColumn(text)
		if err != nil {
			return o, exit.Usage(fmt.Errorf("--column %w", err))
		}
		if name, near, ok := rules.NearPath(strings.TrimSpace(c.Path)); ok && strings.ContainsAny(c.Path, ".") {
			return o, exit.Usage(fmt.Errorf("--column %q: a track call has no field %q there; did you mean %q?", text, name, near))
		}
		o.Columns = append(o.Columns, c)
	}
	return o, nil
}

// importSettle is how long a file must have been unchanged before it is read: its
// writer might still be busy.
const importSettle = time.Second

func runImport(c *cobra.Command, name string, f *importFlags) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	in, err := cli.OpenFile(name, c.InOrStdin(), func() string { return cli.CopyName(c) })
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if o.ReportFile = f.report; o.ReportFile == "" {
		o.ReportFile = in.Label + ".refused.jsonl"
	}
	d, cfg, err := cli.OpenForImport(c, f.dryRun)
	if err != nil {
		return err
	}
	if d != nil {
		defer d.Close()
	}
	ctx, stderr := c.Context(), c.ErrOrStderr()
	m, err := mappingInForce(ctx, d, cfg)
	if err != nil {
		return err
	}
	now := time.Now()
	show := term.NewProgress(stderr)
	for _, name := range []string{"separator", "column", "event", "time-format", "timezone", "header-row", "group-by"} {
		if c.Flags().Changed(name) {
			o.ForTables = append(o.ForTables, "--"+name)
		}
	}
	o.Name, o.MaxEventBytes, o.Received = in.Label, int(cfg.Intake.MaxEventBytes), now
	o.Mapping, o.Settle = func() *mapper.Mapping { return m }, importSettle
	o.Checked = func(forecast string) { show.Say(forecast) }
	o.Progress = show.Update
	o.Assumed = func() {
		show.Say("the file is not UTF-8 and is read as windows-1252; if that is wrong, give --encoding, such as windows-1250 (Polish, Czech), windows-1254 (Turkish) or shift_jis")
	}
	o.Stray = func(n int64) {
		show.Say("the file is UTF-8 except for " + term.Count(int(n), "byte") + ": a value with such a byte is not used as a match key; save the file again as UTF-8")
	}
	o.OnResume = func(rows int64) { show.Say(fmt.Sprintf("continuing after row %d", rows)) }
	o.Logger = logging.New(show, config.Log{Format: "text"}, new(slog.LevelVar))
	if !f.dryRun {
		remote := &session.RemoteQueue{Session: d, Received: now, Logger: o.Logger, Patience: session.UnreachablePatience}
		o.Queue, o.State, o.OnKey = remote, remote, func(key string) { remote.Key = key }
	}
	rep, err := spool.Import(ctx, in, o)
	show.Done()
	if rep.Refused > 0 && d != nil {
		noteReport(c, d, rep.Key, o.ReportFile)
	}
	return f.finish(c, name, o.ReportFile, rep, err)
}

// finish prints the result of the import, or returns its error.
func (f *importFlags) finish(c *cobra.Command, name, report string, rep spool.Report, err error) error {
	if err != nil {
		more := ""
		if rep.Rows > 0 {
			more = fmt.Sprintf("; %s done, run the same command again to continue", term.Count(int(rep.Rows), "row"))
		}
		if cause := context.Cause(c.Context()); cause != nil {
			return fmt.Errorf("%w%s", cause, more)
		}
		var check *spool.CheckError
		var format *rows.FormatError
		if errors.As(err, &check) || errors.As(err, new(*spool.UnfitError)) || errors.As(err, &format) || errors.Is(err, rows.ErrChanged) || errors.Is(err, spool.ErrGrown) {
			return fmt.Errorf("%s: %w%s", name, err, more)
		}
		return session.Coded(fmt.Errorf("import %s: %w%s", name, err, more))
	}
	out := c.OutOrStdout()
	if rep.Refused == 0 {
		report = ""
	}
	switch {
	case f.json:
		err = term.JSONLine(out, struct {
			spool.Counts
			Resumed int64  `json:"resumed"`
			Already bool   `json:"already"`
			Report  string `json:"report,omitempty"`
			DryRun  bool   `json:"dry_run,omitempty"`
		}{rep.Counts, rep.Resumed, rep.Already, report, f.dryRun})
	case f.dryRun:
		_, err = fmt.Fprintln(out, "dry run: nothing was stored")
	default:
		_, err = fmt.Fprintln(out, term.Imported(name, report, rep))
	}
	if err == nil && f.strict && rep.Refused > 0 {
		err = exit.Coded(exit.Failure, fmt.Errorf("%s refused", term.Count(int(rep.Refused), "row")))
	}
	return err
}

// noteReport tells relay where refused rows were written, so that `relay forget` searches
// the report.
func noteReport(c *cobra.Command, d *session.Session, key, path string) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = d.AddReport(context.WithoutCancel(c.Context()), key, path)
	}
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "relay: `relay forget` will not search the report, so delete it when you no longer need it: %v\n", err)
	}
}

// mappingInForce returns the mapping of the running relay, or of the file if none runs.
func mappingInForce(ctx context.Context, d *session.Session, cfg *config.Config) (*mapper.Mapping, error) {
	if d != nil && !d.Offline && cfg.Forward.URL == "" {
		t, err := d.Mapping(ctx)
		if err != nil {
			return nil, session.Coded(err)
		}
		m, _, err := mapper.Parse(t.File, []byte(t.Text))
		return m, err
	}
	src, err := sidecar.ReadMapping(cfg)
	if err != nil {
		return nil, exit.BadConfig(err)
	}
	m, _, err := mapper.Parse(cfg.Mapping, src)
	return m, err
}

// importDead stores the dead letters of an export. It reads the whole file before it
// stores the first.
func importDead(c *cobra.Command, name string, f *importFlags) error {
	if !f.dead {
		return exit.Usage(errors.New("--store works only with --dead: import a store's past events at that store's relay"))
	}
	var wrong error
	c.Flags().Visit(func(x *pflag.Flag) {
		if !slices.Contains([]string{"config", "dead", "store", "dry-run", "json"}, x.Name) && wrong == nil {
			wrong = exit.Usage(fmt.Errorf("--%s does not work with --dead, which accepts only --store, --dry-run and --json", x.Name))
		}
	})
	if wrong != nil {
		return wrong
	}
	in, err := cli.OpenFile(name, c.InOrStdin(), func() string { return cli.CopyName(c) })
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	d, cfg, err := cli.OpenForImport(c, f.dryRun)
	if err != nil {
		return err
	}
	if d != nil {
		defer d.Close()
	}
	if f.store != "" && !slices.ContainsFunc(cfg.Auth.Keys, func(k config.Key) bool { return k.Store == f.store }) {
		return exit.Usage(fmt.Errorf("--store %q: no key in auth.keys has that store", f.store))
	}
	reasons := map[string]int{}
	n, storeless := 0, 0
	if err := session.EachLetter(in, func(x api.DeadDetail, _ int) error {
		n++
		if x.Store == "" {
			storeless++
		}
		reasons[x.Reason]++
		return nil
	}); err != nil {
		return fmt.Errorf("%s: %w; nothing was stored", in.Label, err)
	}
	if storeless > 0 && !c.Flags().Changed("store") && slices.ContainsFunc(cfg.Auth.Keys, func(k config.Key) bool { return k.Store != "" }) {
		return exit.Usage(fmt.Errorf("%s: %d of %s have no store, but auth.keys names stores here: add --store NAME for the store they come from, or --store '' if they come from none; nothing was stored",
			in.Label, storeless, term.Count(n, "dead letter")))
	}
	done := api.Imported{}
	if !f.dryRun {
		if done, err = d.StoreLetters(c.Context(), in, f.store); err != nil {
			return session.Coded(fmt.Errorf("import %s: %w; %s stored, run the same command again to continue", in.Label, err, term.Count(done.Stored, "dead letter")))
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
	fmt.Fprintf(out, "%s: %s", in.Label, term.Count(n, "dead letter"))
	if s := term.Tally(reasons); s != "" {
		fmt.Fprintf(out, " (%s)", s)
	}
	switch {
	case f.dryRun:
		fmt.Fprintln(out, "; dry run: nothing was stored")
		return nil
	case done.Duplicates > 0:
		fmt.Fprintf(out, ", %d stored, %d already stored\n", done.Stored, done.Duplicates)
	default:
		fmt.Fprintf(out, ", %d stored\n", done.Stored)
	}
	if d.Offline && done.Stored > 0 {
		fmt.Fprintln(out, "relay is not running. `relay dead list` shows them after its next start.")
	}
	return nil
}
