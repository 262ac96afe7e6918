// Package term formats what commands print: tables, times and counts for people, JSON
// for programs, questions and a progress bar. It writes escape codes only to a terminal,
// and removes control characters from the text of events (package screen).
package term

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"relay/internal/screen"
	"relay/relay/internal/exit"
)

// Table writes aligned columns for people.
type Table struct{ w *tabwriter.Writer }

// NewTable starts a table with its headings.
func NewTable(out io.Writer, head ...string) *Table {
	t := &Table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	t.Row(head...)
	return t
}

// Row adds a row; an empty cell is shown as "-".
func (t *Table) Row(cells ...string) {
	for i, c := range cells {
		if c == "" {
			c = "-"
		}
		cells[i] = screen.Line(c)
	}
	fmt.Fprintln(t.w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// Flush prints the table.
func (t *Table) Flush() error { return t.w.Flush() }

// JSONLine writes a value as one line of JSON.
func JSONLine(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Each calls do for every value that each yields, until do fails.
func Each[T any](each func(fn func(T) bool) error, do func(T) error) error {
	var failed error
	err := each(func(x T) bool {
		failed = do(x)
		return failed == nil
	})
	return cmp.Or(failed, err)
}

// JSONLines writes every value that each yields as a line of JSON.
func JSONLines[T any](out io.Writer, each func(fn func(T) bool) error) error {
	return Each(each, func(x T) error { return JSONLine(out, x) })
}

// Cell shortens text to at most n characters for a table.
func Cell(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Stamp formats a time in the local zone; "" for the zero time.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// StampPtr is Stamp for an optional time.
func StampPtr(t *time.Time) string {
	if t == nil {
		return ""
	}
	return Stamp(*t)
}

// Span formats a duration in at most two units.
func Span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d d", int(d.Hours()/24))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

// Tally prints "missing_value 3, expired 1".
func Tally[N int | int64](m map[string]N) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
		}
	}
	return strings.Join(parts, ", ")
}

// Confirm asks the question on a terminal and returns an error unless the answer is yes.
// With yes it does not ask. Without a terminal it returns a usage error.
func Confirm(c *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	if !screen.IsTerminal(c.InOrStdin()) {
		return exit.Usage(fmt.Errorf("%s There is no terminal to ask on: confirm with --yes", question))
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s [y/N] ", question)
	var answer string
	_, _ = fmt.Fscanln(c.InOrStdin(), &answer)
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return exit.Coded(exit.Failure, errors.New("cancelled: nothing was changed"))
	}
	return nil
}

// Colour wraps text for a terminal, unless NO_COLOR is set (no-color.org).
func Colour(out io.Writer, code, s string) string {
	if os.Getenv("NO_COLOR") != "" || !screen.IsTerminal(out) {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// JSON writes a value as indented JSON.
func JSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Count returns "1 row", "2 rows".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
