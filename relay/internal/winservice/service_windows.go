package winservice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/kardianos/service"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/logs"
	"relay/relay/internal/exit"
	"relay/relay/internal/logging"
	"relay/relay/internal/sidecar"
)

// Size and number of the service's log files.
const (
	serviceLogSize = 10 << 20
	serviceLogKeep = 3
)

// LocalSystem is the account with all permissions, used only if --user names it.
const LocalSystem = "LocalSystem"

// Service runs the sidecar under Windows' service control.
type Service struct {
	Config string // the config file
	stop   context.CancelFunc
	done   chan struct{}
	err    error
	logs   io.Closer
}

// Start opens relay and runs it in the background. An invalid config is an error at once.
func (w *Service) Start(s service.Service) error {
	cfg, warnings, err := config.Load(w.Config, config.Options{})
	if err != nil {
		return err
	}
	file, err := logging.OpenRotating(filepath.Join(filepath.Dir(cfg.File), "relay.log"), serviceLogSize, serviceLogKeep, 0o640)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	log := logging.New(file, cfg.Log, level)
	if events, err := s.SystemLogger(nil); err == nil {
		log = slog.New(slog.NewMultiHandler(log.Handler(), eventLog{to: events}))
	}
	for _, p := range warnings {
		log.Warn("config has a warning", "code", logs.ConfigWarning, "at", p.Error())
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.done, w.logs = stop, make(chan struct{}), file
	go func() {
		defer close(w.done)
		w.err = sidecar.Serve(ctx, cfg, log, level)
		if w.err != nil {
			log.Error("relay stopped with an error", "code", logs.Ended, "err", w.err)
			_ = file.Close()
			os.Exit(exit.Code(w.err)) // so that Windows sees a failure and restarts the service
		}
	}()
	return nil
}

// Err returns why relay stopped by itself.
func (w *Service) Err() error { return w.err }

// Stop stops relay after requests in progress have finished, within a minute.
func (w *Service) Stop(service.Service) error {
	if w.stop == nil {
		return nil
	}
	w.stop()
	select {
	case <-w.done:
	case <-time.After(time.Minute):
		return errors.New("relay did not stop within a minute")
	}
	return w.logs.Close()
}

// Protect restricts the queue's folder, and the folder of relay.yaml if it is below
// ProgramData, to the service's account and administrators. By default every user can read
// ProgramData and add files.
func Protect(cfg *config.Config, account string) error {
	if account == LocalSystem {
		account = "" // it always has access
	}
	if err := os.MkdirAll(cfg.Dir(), 0o700); err != nil {
		return fmt.Errorf("make queue directory: %w", err)
	}
	folders := []string{cfg.Dir()}
	if dir := filepath.Dir(cfg.File); belowProgramData(dir, os.Getenv("ProgramData")) {
		folders = append([]string{dir}, folders...)
	}
	for _, dir := range folders {
		if err := disk.Protect(dir, account); err != nil {
			return err
		}
	}
	return nil
}
