package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/spf13/cobra"

	"relay/internal/screen"
	"relay/relay/internal/advice"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/sidecar"
	"relay/relay/internal/spool"
	"relay/relay/internal/term"
)

func newSpoolCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "spool",
		Short: "List and show the files of the spool directory and their reports",
		Long: `Imported files stay in spool.dir's done/ for spool_keep. Refused files stay in refused/ with a
report of the reasons. With queue.encryption_key their contents and names are encrypted; these
commands decrypt them. They read the directory directly: run them as relay's user or root.`,
		Example: "  relay spool list\n  relay spool show refused/sales.csv",
		Args:    cli.NoArgs,
	}
	var asJSON bool
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the files of the spool directory, newest last",
		Example: "  relay spool list\n  relay spool list --json",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			kept, err := openKept(c)
			if err != nil {
				return err
			}
			defer func() { _ = kept.Close() }()
			files, err := kept.List()
			if err != nil {
				return spoolError(err)
			}
			out := c.OutOrStdout()
			if asJSON {
				for _, f := range files {
					if err := term.JSONLine(out, f); err != nil {
						return err
					}
				}
				return nil
			}
			t := term.NewTable(out, "FILE", "SIZE", "SINCE", "")
			for _, f := range files {
				sealed := ""
				if f.Sealed {
					sealed = "encrypted, as " + path.Base(f.File)
				}
				t.Row(f.Name, advice.Size(f.Size), term.Stamp(f.Since), sealed)
			}
			return t.Flush()
		},
	}
	cli.AddConfigFlag(list)
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	show := &cobra.Command{
		Use:     "show FILE",
		Short:   "Write a spool file to standard output, unchanged",
		Example: "  relay spool show refused/sales.csv > again.csv",
		Args:    cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			kept, err := openKept(c)
			if err != nil {
				return err
			}
			defer func() { _ = kept.Close() }()
			f, err := kept.Open(args[0])
			if err != nil {
				return spoolError(err)
			}
			defer f.Close()
			out := c.OutOrStdout()
			if s, ok := out.(*screen.Writer); ok && !screen.IsTerminal(s) {
				out = s.Unwrap() // screen.Writer would change the file
			}
			_, err = io.Copy(out, f)
			return err
		},
	}
	cli.AddConfigFlag(show)
	c.AddCommand(list, show)
	return c
}

// openKept opens the files that the spool directory keeps.
func openKept(c *cobra.Command) (*spool.Kept, error) {
	cfg, _, err := cli.LoadConfig(c)
	if err != nil {
		return nil, err
	}
	if cfg.Spool.Dir == "" {
		return nil, exit.BadConfig(errors.New("spool.dir is not set in relay.yaml, so there is no spool directory"))
	}
	keys, err := sidecar.QueueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return nil, exit.BadConfig(err)
	}
	ring, err := sidecar.RingOf(keys)
	if err != nil {
		return nil, exit.BadConfig(err)
	}
	kept, err := spool.OpenKept(cfg.Spool.Dir, ring)
	return kept, spoolError(err)
}

func spoolError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return exit.Coded(exit.Forbidden, fmt.Errorf("%w: run this command as relay's user or as root", err))
	}
	return err
}
