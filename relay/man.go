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
	"github.com/spf13/cobra/doc"

	"relay/internal/disk"
	"relay/relay/internal/cli"
)

// newManCommand writes the manual pages, made from the texts of --help, for packages.
// Their date is SOURCE_DATE_EPOCH if set, otherwise today.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIRECTORY",
		Short:   "Write the manual pages",
		Long:    "Writes one compressed manual page per command, as packages install them.",
		Example: "  relay man man1",
		Hidden:  true,
		Args:    cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			c.Root().DisableAutoGenTag = true
			return writeManual(c.Root(), args[0])
		},
	}
}

func writeManual(c *cobra.Command, dir string) error {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	err := doc.GenMan(c, &doc.GenManHeader{Source: "relay", Manual: "relay manual"}, z)
	_, failed := fmt.Fprintf(z, ".SH EXIT STATUS\n%s\n", exitCodes)
	if err := errors.Join(err, failed, z.Close()); err != nil {
		return fmt.Errorf("write manual: %w", err)
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1.gz"
	if err := disk.WriteFile(filepath.Join(dir, name), 0o644, b.Bytes()); err != nil {
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
