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
	"relay/relay/internal/preview"
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
		Short: "Put past events from a file into the queue: JSON lines or CSV, resumable, no duplicates",
		Long: `Reads track calls from FILE (- is standard input), checks the first 1,000 rows, then
stores all of them: in the running relay, or in the queue itself when none runs.

JSON: one event a line, or any JSON values; saved requests with a "batch" are taken
apart. CSV and TSV: the header names the columns. event, timestamp, messageId, userId
and names below context, traits, properties and integrations (context.traits.email,
properties.products[0].price) are places of the event; any other header, dots and
brackets included, is a property of that name. Each may be packed with gzip. Separator
and encoding (UTF-8, UTF-16, Windows-1252) are detected, and so is Excel's sep= line. A
file that looks like another encoding is refused until --encoding names it.

--column 'PATH=HEADER' fills a place of the event from a column, or from several:
'timestamp=Date + Time'. '=HEADER' leaves a column out. Times are read as the mapping
reads them. --time-format names another form: write 2 January 2006, 15:04:05 in it. A
row whose time cannot be read is refused.

--group-by makes one event of the consecutive rows of an order. Each row gives an item
of products ('products[].price=Line price'); other fields come from the first row that
has them. --id names what identifies a sale in every export, such as the order number:
a column, or in JSON a property or a path. Each sale is stored once and remembered for
62 days, as long as Meta takes sales of shops. A row whose sale is known already is
counted, also as changed when it differs; the stored sale is not changed.

Reading stops when the file changes. An import that was stopped, by you or by a power
cut, continues when you give the same command again. The same file is imported once.
Rows that cannot be used go to a report with their number, their text and the reason.

Exits 0 even when rows were refused; with --strict it then exits 1.

--dead takes dead letters of another relay: they are dead letters of this one, with the
reasons they had there, and go nowhere before "relay dead retry".`,
		Example: `  relay import sales.jsonl
  relay import export.csv --event 'Order Completed' --column 'timestamp=Date + Time' \
      --time-format '02.01.2006 15:04' --column 'context.traits.email=E-Mail' \
      --column 'revenue=Total' --column '=Clerk' --id 'Order No.'
  relay import export.csv --dry-run
  relay import --dead letters.jsonl --store 0042`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if f.dead || c.Flags().Changed("store") {
				return importDead(c, args[0], &f)
			}
			return runImport(c, args[0], &f)
		},
	}
	cli.AddConfigFlag(c)
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "jsonl, json or csv (also for tabs), whatever name and content say")
	fl.StringVar(&f.encoding, "encoding", "", "of a file that is not plainly UTF-8 or UTF-16: windows-1250, windows-1252, shift_jis, gbk, ibm852 …")
	fl.StringVar(&f.separator, "separator", "", "of CSV, when it is not found out: , ; | or tab")
	fl.StringArrayVar(&f.columns, "column", nil, "PATH=HEADER of CSV, or PATH=HEADER + HEADER; an empty PATH leaves the column out; may be repeated")
	fl.StringVar(&f.event, "event", "", "event name of rows that give none (CSV)")
	fl.StringVar(&f.timeFormat, "time-format", "", "form of the times in CSV, such as '02/01/2006 15:04'")
	fl.StringVar(&f.timezone, "timezone", "", "of times in CSV that say none, such as Europe/Berlin (default: the mapping's)")
	fl.IntVar(&f.headerRow, "header-row", 0, "line of the header, when lines stand above it (CSV)")
	fl.StringVar(&f.groupBy, "group-by", "", "column that rows of one order have in common (CSV)")
	fl.StringVar(&f.id, "id", "", "what makes a row the same sale in the next export: a column of CSV, a property or path of JSON")
	fl.BoolVar(&f.skipBad, "skip-bad", false, "store the good rows although some of the first 1,000 are bad")
	fl.BoolVar(&f.undated, "undated", false, "take rows without a time: they happened now")
	fl.StringVar(&f.report, "report", "", "where refused rows go (default: FILE.refused.jsonl)")
	fl.StringVar(&f.run, "run", "", "a name for this import: the same file, and the same sales of --id, are imported anew under another name")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only check the first 1,000 rows and say what they would become")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 when a row was refused")
	fl.BoolVar(&f.json, "json", false, "the result as a JSON object")
	fl.BoolVar(&f.dead, "dead", false, "FILE holds dead letters that `relay dead export` wrote at another relay")
	fl.StringVar(&f.store, "store", "", "with --dead, needed at a hub: the store of auth.keys that they come from; '' for none")
	return c
}

type importFlags struct {
	format, encoding, separator, event, report, run string
	timeFormat, timezone, groupBy, id               string
	headerRow                                       int
	columns                                         []string
	skipBad, undated, dryRun, strict, json          bool
	dead                                            bool
	store                                           string
}

// options turns flags into what spool wants.
func (f *importFlags) options() (spool.Options, error) {
	o := spool.Options{
		Format:  rows.Format(f.format),
		SkipBad: f.skipBad, Undated: f.undated, Run: f.run, CheckOnly: f.dryRun,
		Layout: rows.Layout{Event: f.event, TimeFormat: f.timeFormat, HeaderRow: f.headerRow, GroupBy: f.groupBy, ID: f.id},
	}
	switch o.Format {
	case rows.Auto, rows.JSONLines, rows.JSON, rows.CSV:
	default:
		return o, exit.Usage(fmt.Errorf("--format %q: want jsonl, json or csv", f.format))
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
			return o, exit.Usage(fmt.Errorf("--column %q: a track call has no %q there; did you mean %q?", text, name, near))
		}
		o.Columns = append(o.Columns, c)
	}
	return o, nil
}

// importSettle is how long a file must have been left alone: its writer may be
// right behind it.
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
	fate := preview.NewForecast(m, now)
	show := term.NewProgress(stderr)
	for _, name := range []string{"separator", "column", "event", "time-format", "timezone", "header-row", "group-by"} {
		if c.Flags().Changed(name) {
			o.ForTables = append(o.ForTables, "--"+name)
		}
	}
	o.Name, o.MaxEventBytes, o.Received = in.Label, int(cfg.Intake.MaxEventBytes), now
	o.ReadTime, o.Settle = m.ReadTime, importSettle
	o.Check, o.Checked = fate.Add, func(rows int) { show.Say(fate.Words(rows)) }
	o.Progress = show.Update
	o.Assumed = func() {
		show.Say("the file is not UTF-8 and is read as windows-1252: --encoding names another, such as windows-1250 (Polish, Czech), windows-1254 (Turkish) or shift_jis")
	}
	o.Stray = func(n int64) {
		show.Say("the file is UTF-8 but for " + term.Count(int(n), "byte") + ": what holds such a byte is no match key; write it anew as UTF-8")
	}
	o.OnResume = func(rows int64) { show.Say(fmt.Sprintf("going on behind row %d", rows)) }
	o.Logger = logging.New(show, config.Log{Format: "text"}, new(slog.LevelVar))
	if !f.dryRun {
		door := &session.RemoteQueue{Session: d, Received: now, Logger: o.Logger, Patience: session.UnreachablePatience}
		o.Queue, o.State, o.OnKey = door, door, func(key string) { door.Key = key }
	}
	rep, err := spool.Import(ctx, in, o)
	show.Done()
	if rep.Refused > 0 && d != nil {
		noteReport(c, d, rep.Key, o.ReportFile)
	}
	return f.finish(c, name, o.ReportFile, rep, err)
}

// finish says what became of the file.
func (f *importFlags) finish(c *cobra.Command, name, report string, rep spool.Report, err error) error {
	if err != nil {
		more := ""
		if rep.Rows > 0 {
			more = fmt.Sprintf("; %s are dealt with, the same command goes on behind them", term.Count(int(rep.Rows), "row"))
		}
		if cause := context.Cause(c.Context()); cause != nil {
			return fmt.Errorf("%w%s", cause, more)
		}
		var check *spool.CheckError
		var format *rows.FormatError
		if errors.As(err, &check) || errors.As(err, &format) || errors.Is(err, rows.ErrChanged) || errors.Is(err, spool.ErrGrown) {
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
		_, err = fmt.Fprintln(out, "nothing was stored: --dry-run")
	default:
		_, err = fmt.Fprintln(out, term.Imported(name, report, rep))
	}
	if err == nil && f.strict && rep.Refused > 0 {
		err = exit.Coded(exit.Failure, fmt.Errorf("%s refused", term.Count(int(rep.Refused), "row")))
	}
	return err
}

// noteReport has relay know where refused rows were written: `relay forget` looks there.
func noteReport(c *cobra.Command, d *session.Session, key, path string) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = d.AddReport(context.WithoutCancel(c.Context()), key, path)
	}
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "relay: `relay forget` will not look into the report, remove it when you are done with it: %v\n", err)
	}
}

// mappingInForce is the running relay's mapping, else that of the file.
func mappingInForce(ctx context.Context, d *session.Session, cfg *config.Config) (*mapper.Mapping, error) {
	if d != nil && !d.Offline {
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
		return exit.Usage(fmt.Errorf("--store %q: no key of auth.keys has that store", f.store))
	}
	reasons := map[string]int{}
	n, nobodys := 0, 0
	if err := session.EachLetter(in, func(x api.DeadDetail, _ int) error {
		n++
		if x.Store == "" {
			nobodys++
		}
		reasons[x.Reason]++
		return nil
	}); err != nil {
		return fmt.Errorf("%s: %w; nothing was stored", in.Label, err)
	}
	if nobodys > 0 && !c.Flags().Changed("store") && slices.ContainsFunc(cfg.Auth.Keys, func(k config.Key) bool { return k.Store != "" }) {
		return exit.Usage(fmt.Errorf("%s: %d of %s without a store, and auth.keys here names stores: add --store NAME, the store that they come from, or --store '' if they come from none; nothing was stored",
			in.Label, nobodys, term.Count(n, "dead letter")))
	}
	done := api.Imported{}
	if !f.dryRun {
		if done, err = d.StoreLetters(c.Context(), in, f.store); err != nil {
			return session.Coded(fmt.Errorf("import %s: %w; %s stored, the same command goes on", in.Label, err, term.Count(done.Stored, "dead letter")))
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
