package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relay/internal/disk"
)

// newManCommand writes the manual from what --help says; packages bring it.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIRECTORY",
		Short:   "Write the manual pages",
		Long:    "Writes one manual page a command, compressed, as packages install them.",
		Example: "  relay man man1",
		Hidden:  true,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			return writeManual(c.Root(), args[0])
		},
	}
}

func writeManual(c *cobra.Command, dir string) error {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that exists
	_, err := z.Write([]byte(manual(c)))
	if err := errors.Join(err, z.Close()); err != nil {
		return fmt.Errorf("write manual: %w", err)
	}
	if err := disk.WriteFile(filepath.Join(dir, manName(c)+".1.gz"), 0o644, b.Bytes()); err != nil {
		return fmt.Errorf("write manual: %w", err)
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			if err := writeManual(sub, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manual is the page of one command, in roff.
func manual(c *cobra.Command) string {
	var b strings.Builder
	section := func(title string) { fmt.Fprintf(&b, ".SH %s\n", title) }
	literal := func(text string) { fmt.Fprintf(&b, ".nf\n%s\n.fi\n", roff(text)) }

	fmt.Fprintf(&b, ".TH %s 1 \"\" \"relay\" \"relay manual\"\n", strings.ToUpper(roff(manName(c))))
	section("NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(manName(c)), roff(c.Short))
	section("SYNOPSIS")
	if c.Runnable() {
		literal(c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		literal(c.CommandPath() + " COMMAND")
	}
	if c.Long != "" {
		section("DESCRIPTION")
		for i, p := range strings.Split(strings.TrimSpace(c.Long), "\n\n") {
			if i > 0 {
				b.WriteString(".PP\n")
			}
			if strings.HasPrefix(p, " ") {
				literal(p)
				continue
			}
			b.WriteString(roff(p) + "\n")
		}
	}
	if c.HasAvailableSubCommands() {
		section("COMMANDS")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				fmt.Fprintf(&b, ".TP\n\\fB%s\\fP(1)\n%s\n", roff(manName(sub)), roff(sub.Short))
			}
		}
	}
	if c.HasAvailableFlags() {
		section("OPTIONS")
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			names := "\\fB\\-\\-" + roff(f.Name) + "\\fP"
			if f.Shorthand != "" {
				names = "\\fB\\-" + f.Shorthand + "\\fP, " + names
			}
			kind, usage := pflag.UnquoteUsage(f)
			if kind != "" {
				names += " \\fI" + roff(kind) + "\\fP"
			}
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
				usage += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(&b, ".TP\n%s\n%s\n", names, roff(usage))
		})
	}
	if c.Example != "" {
		section("EXAMPLES")
		literal(strings.TrimRight(c.Example, "\n"))
	}
	section("EXIT STATUS")
	b.WriteString("0 ok; 1 failure; 2 usage; 75 try later (relay not reachable, queue locked); 78 bad config or mapping; 130 interrupted.\n")
	if c.HasParent() {
		section("SEE ALSO")
		fmt.Fprintf(&b, "\\fB%s\\fP(1)\n", roff(manName(c.Parent())))
	} else {
		section("FILES")
		fmt.Fprintf(&b, ".TP\n%s\nThe config, where packages put it.\n", roff(installedConfig()))
	}
	return b.String()
}

// roff escapes text: dashes that may be copied, backslashes, what is not ASCII,
// and what would be a request at the start of a line.
func roff(text string) string {
	var b strings.Builder
	start := true
	for _, r := range text {
		if start && (r == '.' || r == '\'') {
			b.WriteString(`\&`)
		}
		start = r == '\n'
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\t':
			b.WriteString("    ")
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
