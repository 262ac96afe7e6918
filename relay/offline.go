package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"relay/internal/socket"
	"relay/relay/internal/cli"
	"relay/relay/internal/session"
	"relay/relay/internal/sidecar"
)

func newOfflineCommand() *cobra.Command {
	var path string
	var write bool
	c := &cobra.Command{
		Use: "offline", Hidden: true, Args: cli.NoArgs,
		Short: "Open the queue as relay's user for a command that root runs",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := cli.LoadConfig(c)
			if err != nil {
				return err
			}
			l, err := socket.ListenControl(path, cfg.Dir(), "")
			if err != nil {
				return fmt.Errorf("listen on socket: %w", err)
			}
			end, err := sidecar.ServeQueue(c.Context(), cfg, write, l)
			if err != nil {
				return err
			}
			defer end()
			fmt.Fprintln(c.OutOrStdout(), session.Ready)
			_, err = io.Copy(io.Discard, c.InOrStdin()) // returns when the parent command ends, in whatever way
			return err
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().StringVar(&path, "socket", "", "path of the socket to listen on")
	c.Flags().BoolVar(&write, "write", false, "open the queue for changes")
	return c
}
