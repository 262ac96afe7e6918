package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/track"
)

// Appender is the part of the queue that spool needs.
type Appender interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
}

// Options configures an import. Only Queue is required.
type Options struct {
	rows.Layout
	Hooks
	Queue Appender
	// Mapping returns the current mapping: where events go, how times are read, and what the
	// check is made with. nil, or a mapping without events: the events are mapped elsewhere.
	Mapping func() *mapper.Mapping

	Name   string      // of the file: .csv and .tsv are tables; .json, .jsonl and .ndjson are not; each also .gz
	Format rows.Format // overrides name and content

	// ForTables are flags given by the user that apply only to tables: a JSON file is
	// refused.
	ForTables []string

	FingerprintKey track.FingerprintKey
	MaxEventBytes  int   // default 256 KiB
	MaxFileBytes   int64 // of the file, packed and unpacked; 0: any number
	CheckRows      int   // rows checked before anything is stored; default 1,000, negative: none
	SkipBad        bool  // store the good rows although some of the checked rows are bad
	// Undated accepts rows without a time: they happened at Received. A time that cannot be
	// read is refused all the same.
	Undated bool
	// UndatedFiles accepts such rows from files without any times: JSON events, and tables
	// without a time column. An empty cell in a time column is refused.
	UndatedFiles bool
	CheckOnly    bool // store nothing
	Unsent       bool // store a file to which the mapping does not fit (UnfitError)
	// Growing is for a file that its writer may not have finished. If its last line has no
	// line end, it is ErrUnfinished before anything is stored, unless Final is set because
	// nothing is added any more. Content added after the survey is not an error.
	Growing, Final bool
	// Settle is how long a file must be unchanged before it is read, since it could still
	// be written. 0: not at all.
	Settle time.Duration

	Key        string    // of the file; default: a digest of its content
	Run        string    // part of that digest: the same file with another Run is another file
	MaxCrashes int       // how often the process can end while it reads this file; 0: not counted. It needs State and Key
	State      State     // makes the import resumable; default: none
	ReportFile string    // for refused rows, as JSON lines; default: none
	ReportIn   *os.Root  // the directory of ReportFile; nil: ReportFile is a path
	Received   time.Time // default: now

	// Meanwhile is called between two batches and during the survey, and returns other work
	// that is due, or nil. While that runs, this file does not count as being read: if the
	// process ends, it is not this file's fault. nil: there is none.
	Meanwhile func() (work func())

	Logger *slog.Logger
	Now    func() time.Time
}

// Hooks are called during an import to show what happens. Each can be nil.
type Hooks struct {
	OnKey    func(key string) // before State and Queue are used
	OnResume func(rows int64) // with the number of rows that an earlier run has processed
	Assumed  func()           // the file is not UTF-8 and is read as Windows-1252, which could be wrong
	Stray    func(int64)      // with the number of invalid bytes in a UTF-8 file: values with them are not match keys
	Checked  func(string)     // if the check passes: how many rows were checked, and what they would become
	Progress func(Progress)   // after each batch, and during the survey
}

// Progress is the progress of an import.
type Progress struct {
	Surveyed    int64 // bytes read by the survey
	Bytes, Size int64 // bytes of the file processed, and in all
	Counts
}

// Report is the result of an import.
type Report struct {
	Counts
	Key     string
	Size    int64
	Resumed int64 // rows that an earlier run had processed
	Already bool  // an earlier run had processed all rows
}

// CheckError reports that a file was refused before any of it was stored.
type CheckError struct {
	Checked  int
	Bad      int
	Problems []rows.Problem // the first 20
	Likely   string         // options that would probably make rows of a table usable
}

func (e *CheckError) Error() string {
	if e.Checked == 0 {
		return "the file has no rows"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of the first %d rows cannot be used, nothing was stored", e.Bad, e.Checked)
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	if e.Bad > len(e.Problems) {
		fmt.Fprintf(&b, "\n  … and %d more", e.Bad-len(e.Problems))
	}
	if e.Likely != "" {
		key := "columns"
		if strings.HasPrefix(e.Likely, "--header-row") {
			key = "header_row"
		}
		fmt.Fprintf(&b, "\nthese options probably help: %s (spool: %s)", e.Likely, key)
	}
	return b.String()
}

// ErrUnfinished reports that the last line of a file has no line end.
var ErrUnfinished = errors.New("the last line of the file has no line end; its writer may not have finished")

// ErrCrashes reports that the process ended while it read this file as often as
// Options.MaxCrashes allows, without progress.
var ErrCrashes = errors.New("relay crashed each time it read this file")

// rows returns the options for reading the rows of the file.
func (o *Options) rows() rows.Options {
	return rows.Options{Layout: o.Layout, EventBytes: o.MaxEventBytes, FingerprintKey: o.FingerprintKey}
}

func (o Options) withDefaults() Options {
	if o.MaxEventBytes <= 0 {
		o.MaxEventBytes = rows.DefaultEventBytes
	}
	if o.CheckRows == 0 {
		o.CheckRows = 1000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Received.IsZero() {
		o.Received = o.Now()
	}
	if o.Mapping == nil {
		o.Mapping = func() *mapper.Mapping { return nil }
	}
	o.Hooks = o.Hooks.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (h Hooks) withDefaults() Hooks {
	if h.OnKey == nil {
		h.OnKey = func(string) {}
	}
	if h.OnResume == nil {
		h.OnResume = func(int64) {}
	}
	if h.Assumed == nil {
		h.Assumed = func() {}
	}
	if h.Stray == nil {
		h.Stray = func(int64) {}
	}
	if h.Checked == nil {
		h.Checked = func(string) {}
	}
	if h.Progress == nil {
		h.Progress = func(Progress) {}
	}
	return h
}
