// Package cli holds what the commands share: flags, shell completion, reading input files,
// and opening a session with the running relay or its queue directory.
package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/socket"
	"relay/internal/strictyaml"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
)

// AddConfigFlag adds the --config flag that docs/contract.md 4 promises.
func AddConfigFlag(c *cobra.Command) {
	c.Flags().StringP("config", "c", "relay.yaml", "config file; if there is none here: "+InstalledConfig())
	_ = c.MarkFlagFilename("config", "yaml", "yml")
}

// ConfigPath returns the file that --config names. Without the flag and without a
// relay.yaml in the working directory, it returns the installed config, if it exists.
func ConfigPath(c *cobra.Command) string {
	s, _ := c.Flags().GetString("config")
	if c.Flags().Changed("config") {
		return s
	}
	if _, err := os.Stat(s); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(InstalledConfig()); err == nil {
			return InstalledConfig()
		}
	}
	return s
}

// LoadConfig loads the config of a command, with its warnings (config.Load).
func LoadConfig(c *cobra.Command) (*config.Config, []strictyaml.Problem, error) {
	path := ConfigPath(c)
	cfg, warnings, err := config.Load(path, config.Options{})
	if errors.Is(err, fs.ErrPermission) {
		if f, openErr := disk.Open(path); openErr == nil {
			_ = f.Close() // another file that it names
		} else {
			err = exit.NotAllowed(fmt.Errorf("%w: run the command %s, or make the file readable for this user", err, socket.As(path)))
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !c.Flags().Changed("config") {
		if _, statErr := os.Lstat(path); statErr != nil {
			err = exit.BadConfig(fmt.Errorf("there is no %s in this directory, and no %s: write one with `relay init`, or name yours with --config", path, InstalledConfig()))
		}
	}
	return cfg, warnings, err
}

// InstalledConfig returns the path at which packages install the config.
func InstalledConfig() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "relay", "relay.yaml")
	}
	return "/etc/relay/relay.yaml"
}

// Since parses the value of --since (api.ParseSince) in the local time zone. The error is a
// usage error.
func Since(s string) (time.Time, error) {
	t, err := api.ParseSince(s, time.Now(), time.Local)
	if err != nil {
		return t, exit.Usage(fmt.Errorf("--since %w", err))
	}
	return t, nil
}

// NoArgs accepts no arguments.
func NoArgs(c *cobra.Command, args []string) error { return checkArgs(c, args, 0, 0) }

// ExactArgs accepts exactly n arguments.
func ExactArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error { return checkArgs(c, args, n, n) }
}

// MaxArgs accepts at most n arguments.
func MaxArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error { return checkArgs(c, args, 0, n) }
}

// checkArgs returns a usage error unless there are between least and most arguments.
func checkArgs(c *cobra.Command, args []string, least, most int) error {
	if least <= len(args) && len(args) <= most {
		return nil
	}
	want := "no arguments"
	switch {
	case most == 1 && least == 0:
		want = "at most 1 argument"
	case most == 1:
		want = "1 argument"
	case most > 1:
		want = fmt.Sprintf("%d arguments", most)
	}
	return exit.Usage(fmt.Errorf("'%s' takes %s, got %d\nUsage: %s", c.CommandPath(), want, len(args), c.UseLine()))
}
