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

// platformCommands are those that only this system has.
var platformCommands = []func() *cobra.Command{newServiceCommand}

// serviceName is the default; several relays on one machine have several.
const serviceName = "relay"

func newServiceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Run relay as a Windows service",
		Long: `Installs, starts, stops and removes relay as a Windows service, from an elevated prompt.
The service starts with Windows, is started again when it fails, and writes its log to
relay.log beside relay.yaml (3 old files of 10 MiB are kept); warnings and errors also go to
the Event Log. It runs as an account of its own, NT SERVICE\NAME, which has no rights elsewhere; install
gives the queue's folder, and the one of relay.yaml below ProgramData, to it and to
administrators alone. Other files that relay reads must be open to it.`,
		Example: `  relay service install --config C:\ProgramData\relay\relay.yaml
  relay service start
  relay service status
  relay reload --config C:\ProgramData\relay\relay.yaml
  relay service stop
  relay service uninstall`,
		Args: cli.Args(cobra.NoArgs),
	}
	c.PersistentFlags().String("name", serviceName, "name of the service, when there are several")
	c.AddCommand(newServiceInstallCommand(), newServiceRunCommand(), newServiceStatusCommand(),
		newServiceControlCommand("start", "Start the service", service.Service.Start, "started"),
		newServiceControlCommand("stop", "Stop the service; requests under way finish first", service.Service.Stop, "stopped"),
		newServiceControlCommand("uninstall", "Remove the service; config, mapping and queue stay", service.Service.Uninstall, "removed"))
	return c
}

func openService(c *cobra.Command, w *winservice.Service, more func(*service.Config)) (service.Service, error) {
	name, _ := c.Flags().GetString("name")
	cfg := &service.Config{
		Name: name, DisplayName: "relay (" + name + ")",
		Description: "Takes the till's events and brings them to Meta as offline conversions.",
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
		Args:  cli.Args(cobra.NoArgs),
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
				return errors.Join(fmt.Errorf("the service is installed, but its folders are as open as they were: %w", err))
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "installed; begin it with: relay service start --name %s\n", name)
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
		Args:  cli.Args(cobra.NoArgs),
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
		Short: "Say whether the service runs (exit 0), or not (1)",
		Args:  cli.Args(cobra.NoArgs),
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
				return fmt.Errorf("ask for the service: %w", err)
			case st != service.StatusRunning:
				return exit.Coded(exit.Failure, errors.New("not running"))
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), "running")
			return err
		},
	}
}

// newServiceRunCommand is what Windows calls.
func newServiceRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:    "run",
		Short:  "What Windows calls to run the service",
		Hidden: true,
		Args:   cli.Args(cobra.NoArgs),
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
