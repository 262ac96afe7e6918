package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kardianos/service"
	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/winservice"
)

// platformCommands are the commands that exist only on Windows.
var platformCommands = []func() *cobra.Command{newServiceCommand}

// serviceName is the default name of the service. Several relays on one machine need
// different names.
const serviceName = "relay"

func newServiceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Run relay as a Windows service",
		Long: `Installs, starts, stops and removes relay as a Windows service. Needs an elevated prompt.
The service starts with Windows, restarts after a failure, and writes its log to relay.log
beside relay.yaml (3 old files of 10 MiB are kept). Warnings and errors also go to the Event
Log. It runs as its own account, NT SERVICE\NAME, which has no other rights. install restricts
the queue's folder, and the folder of relay.yaml below ProgramData, to this account and to
administrators. The account must be able to read all other files that relay uses.`,
		Example: `  relay service install --config C:\ProgramData\relay\relay.yaml
  relay service start
  relay service status
  relay reload --config C:\ProgramData\relay\relay.yaml
  relay service stop
  relay service uninstall`,
		Args: cli.NoArgs,
	}
	c.PersistentFlags().String("name", serviceName, "name of the service, if there are several")
	c.AddCommand(newServiceInstallCommand(), newServiceRunCommand(), newServiceStatusCommand(),
		newServiceControlCommand("start", "Start the service", service.Service.Start, "started"),
		newServiceControlCommand("stop", "Stop the service after requests in progress have finished", service.Service.Stop, "stopped"),
		newServiceControlCommand("uninstall", "Remove the service and keep config, mapping and queue", service.Service.Uninstall, "removed"))
	return c
}

func openService(c *cobra.Command, w *winservice.Service, more func(*service.Config)) (service.Service, error) {
	name, _ := c.Flags().GetString("name")
	cfg := &service.Config{
		Name: name, DisplayName: "relay (" + name + ")",
		Description: "Stores the till's events and sends them to Meta as offline conversions.",
		Option: service.KeyValue{
			service.StartType: service.ServiceStartAutomatic,
			service.OnFailure: service.OnFailureRestart, service.OnFailureDelayDuration: "5s", service.OnFailureResetPeriod: 3600,
		},
	}
	if more != nil {
		more(cfg)
	}
	s, err := service.New(w, cfg)
	if err != nil {
		return nil, fmt.Errorf("open service: %w", err)
	}
	return s, nil
}

func newServiceInstallCommand() *cobra.Command {
	var user string
	c := &cobra.Command{
		Use:   "install --config relay.yaml",
		Short: "Install the service; it starts with Windows",
		Args:  cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := filepath.Abs(cli.ConfigPath(c))
			if err != nil {
				return fmt.Errorf("find config: %w", err)
			}
			cfg, _, err := config.Load(file, config.Options{})
			if err != nil {
				return err
			}
			name, _ := c.Flags().GetString("name")
			if user == "" {
				user = `NT SERVICE\` + name
			}
			s, err := openService(c, &winservice.Service{}, func(sc *service.Config) {
				sc.UserName = user
				if user == winservice.LocalSystem {
					sc.UserName = ""
				}
				sc.Arguments = []string{"service", "run", "--name", name, "--config", file}
			})
			if err != nil {
				return err
			}
			if err := s.Install(); err != nil {
				return fmt.Errorf("install service: %w", err)
			}
			if err := winservice.Protect(cfg, user); err != nil {
				return fmt.Errorf("the service is installed, but access to its folders could not be restricted: %w", err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "installed; start it with: relay service start --name %s\n", name)
			return err
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().StringVar(&user, "user", "", `run as this user, such as "NT AUTHORITY\LocalService" or "LocalSystem"; default: the service's own account, NT SERVICE\NAME`)
	return c
}

func newServiceControlCommand(name, short string, do func(service.Service) error, done string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openService(c, &winservice.Service{}, nil)
			if err != nil {
				return err
			}
			if err := do(s); err != nil {
				return fmt.Errorf("%s service: %w", name, err)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), done)
			return err
		},
	}
}

func newServiceStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether the service is running (exit 0) or not (exit 1)",
		Args:  cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := openService(c, &winservice.Service{}, nil)
			if err != nil {
				return err
			}
			st, err := s.Status()
			switch {
			case errors.Is(err, service.ErrNotInstalled):
				return exit.Coded(exit.Failure, errors.New("not installed"))
			case err != nil:
				return fmt.Errorf("read service status: %w", err)
			case st != service.StatusRunning:
				return exit.Coded(exit.Failure, errors.New("not running"))
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), "running")
			return err
		},
	}
}

// newServiceRunCommand returns the command that Windows starts.
func newServiceRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:    "run",
		Short:  "Run the service; called by Windows",
		Hidden: true,
		Args:   cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := &winservice.Service{Config: cli.ConfigPath(c)}
			s, err := openService(c, w, nil)
			if err != nil {
				return err
			}
			if err := s.Run(); err != nil {
				return fmt.Errorf("run service: %w", err)
			}
			return w.Err()
		},
	}
	cli.AddConfigFlag(c)
	return c
}
