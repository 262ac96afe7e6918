package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
	"relay/queue/local"
	"relay/relay/internal/backup"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/session"
	"relay/relay/internal/sidecar"
	"relay/relay/internal/track"
)

func newRestoreCommand() *cobra.Command {
	var p passphrase
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Unpack a backup into an empty queue directory",
		Long: `Unpacks what ` + "`relay backup`" + ` wrote into queue.path, which must be empty or not exist,
and checks every checksum: all of it is there afterwards, or none. It says how many events
may be sent twice; the next start logs it again. People who were forgotten since the backup
was made are in it again: run ` + "`relay forget`" + ` for them.
Stop relay first, and move the old directory away: of two queues with the same events
each sends them.`,
		Example: "  relay restore /mnt/usb/relay-queue.tar\n  relay restore --passphrase-file backup-passphrase /mnt/usb/relay-queue.tar.age",
		Args:    cli.Args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, _, err := config.Load(cli.ConfigPath(c), config.Options{})
			if err != nil {
				return err
			}
			words, err := p.read()
			if err != nil {
				return err
			}
			files, mark, err := restore(c.Context(), cfg, args[0], words)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), `%d files restored to %s, as of %s
%d events wait in it, each counted once for each event set. Those that were delivered after that time are sent again, with
the same event_id, time and order number, which Meta recognises for seven days.
People who were forgotten after that time are in it again: run `+"`relay forget`"+` for them.
`, files, cfg.Dir(), mark.Made.Format(time.RFC3339), mark.Events)
			return err
		},
	}
	p.flag(c)
	cli.AddConfigFlag(c)
	return c
}

// restore unpacks the backup file, encrypted with words or not, into the queue directory of cfg, all or
// nothing. Invariant: from the first file on, and until all of them are there and
// were counted, a mark in the directory keeps every relay from opening it.
func restore(ctx context.Context, cfg *config.Config, file, words string) (files int, mark sidecar.RestoredQueue, err error) {
	f, err := disk.Open(file)
	if err != nil {
		return 0, mark, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	in, err := opened(f, words)
	if err != nil {
		return 0, mark, fmt.Errorf("restore %s: %w", file, err)
	}
	if cfg.Queue.NATS.On() {
		return 0, mark, exit.Usage(errors.New("restore: relay.yaml has queue.nats: what lies on the servers is restored there (nats account restore); a backup is unpacked into queue.path"))
	}
	dir := cfg.Dir()
	if err := session.MakeQueueDir(dir); err != nil {
		return 0, mark, fmt.Errorf("restore: %w", err)
	}
	defer func() {
		if err == nil {
			err = session.GiveAll(dir)
		}
	}()
	if err := wantEmpty(dir); err != nil {
		return 0, mark, err
	}
	lock, err := disk.TakeLock(filepath.Join(dir, backup.LockName), false)
	if held, ok := errors.AsType[*disk.HeldError](err); ok {
		return 0, mark, sidecar.QueueError(&local.LockedError{Dir: dir, PID: held.PID})
	}
	if err != nil {
		return 0, mark, fmt.Errorf("restore: %w", err)
	}
	defer func() {
		_ = lock.Close()
		if err != nil {
			err = errors.Join(err, emptyAgain(dir))
		}
	}()
	if err := mark.Write(dir); err != nil {
		return 0, mark, err
	}
	if files, mark.Made, err = backup.Unpack(in, dir); err != nil {
		return 0, mark, fmt.Errorf("restore %s: %w", file, err)
	}
	_ = lock.Close() // whoever reads takes it too; the mark keeps others out
	if mark.Events, err = waitingIn(ctx, cfg); err != nil {
		return 0, mark, sidecar.QueueError(err)
	}
	mark.Whole = true
	return files, mark, mark.Write(dir)
}

// wantEmpty refuses a directory in which something lies.
func wantEmpty(dir string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, e := range es {
		switch e.Name() {
		case "lost+found", backup.LockName: // of a volume; of a queue that is gone
			continue
		}
		// One that a relay has open says so rather.
		lock, err := disk.TakeLock(filepath.Join(dir, backup.LockName), true)
		if held, ok := errors.AsType[*disk.HeldError](err); ok {
			return sidecar.QueueError(&local.LockedError{Dir: dir, PID: held.PID})
		}
		if err == nil {
			_ = lock.Close()
		}
		return exit.Usage(fmt.Errorf("%s is not empty: move what is in it away, and restore into an empty directory", dir))
	}
	return nil
}

// emptyAgain removes what a restore that failed has left.
func emptyAgain(dir string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, e := range es {
		switch e.Name() {
		case "lost+found", backup.LockName, sidecar.RestoreMark:
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	// Last: until here the directory is not to be opened.
	if err := os.Remove(filepath.Join(dir, sidecar.RestoreMark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// waitingIn counts what waits for an event set in the queue of cfg.
func waitingIn(ctx context.Context, cfg *config.Config) (n int64, err error) {
	keys, err := sidecar.QueueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return 0, exit.BadConfig(err)
	}
	q, err := local.OpenReadOnly(cfg.Dir(), keys...)
	if err != nil {
		return 0, err
	}
	sidecar.WaitOpened(ctx, q)
	for _, l := range q.Lanes() {
		if track.IsEventSet(l.Name) {
			n += l.Pending
		}
	}
	return n, q.Close()
}
