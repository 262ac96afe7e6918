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
		Long: `Unpacks a backup of ` + "`relay backup`" + ` into queue.path, which must be empty or not exist, and
verifies every checksum. It restores everything or nothing. It prints how many events might
be sent twice; the next start logs the number again. The backup still contains people who
were forgotten after it was made: run ` + "`relay forget`" + ` for them again.
Stop relay first and move the old directory away. Otherwise two queues would each send the
same events.`,
		Example: "  relay restore /mnt/usb/relay-queue.tar\n  relay restore --passphrase-file backup-passphrase /mnt/usb/relay-queue.tar.age",
		Args:    cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, _, err := cli.LoadConfig(c)
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
Waiting events: %d, counted once per event set. Those that were delivered after that time will be sent again with the same
event_id, time and order number; Meta recognises such repeats for seven days.
People who were forgotten after that time are in the queue again: run `+"`relay forget`"+` for them.
`, files, cfg.Dir(), mark.Made.Format(time.RFC3339), mark.Events)
			return err
		},
	}
	p.flag(c)
	cli.AddConfigFlag(c)
	return c
}

// restore unpacks a backup file, which can be encrypted with words, into the queue
// directory of cfg, completely or not at all. Invariant: a mark in the directory keeps
// every relay from opening it until all files are there and their events are counted.
func restore(ctx context.Context, cfg *config.Config, file, words string) (files int, mark sidecar.RestoredQueue, err error) {
	f, err := disk.Open(file)
	if err != nil {
		return 0, mark, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	in, err := decryptFrom(f, words)
	if err != nil {
		return 0, mark, fmt.Errorf("restore %s: %w", file, err)
	}
	if cfg.Queue.NATS.On() {
		return 0, mark, exit.Usage(errors.New("restore: relay.yaml has queue.nats: restore the data of the NATS servers there (nats account restore); `relay restore` works only with queue.path"))
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
			err = errors.Join(err, removeRestored(dir))
		}
	}()
	if err := mark.Write(dir); err != nil {
		return 0, mark, err
	}
	if files, mark.Made, err = backup.Unpack(in, dir); err != nil {
		return 0, mark, fmt.Errorf("restore %s: %w", file, err)
	}
	_ = lock.Close() // counting takes the lock itself; the mark keeps other relays out
	if mark.Events, err = countWaiting(ctx, cfg); err != nil {
		return 0, mark, sidecar.QueueError(err)
	}
	mark.Whole = true
	return files, mark, mark.Write(dir)
}

// wantEmpty returns an error unless dir is empty.
func wantEmpty(dir string) error {
	es, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, e := range es {
		switch e.Name() {
		case "lost+found", backup.LockName: // made by the volume; left by an earlier queue
			continue
		}
		// If a relay has the queue open, that is the better error.
		lock, err := disk.TakeLock(filepath.Join(dir, backup.LockName), true)
		if held, ok := errors.AsType[*disk.HeldError](err); ok {
			return sidecar.QueueError(&local.LockedError{Dir: dir, PID: held.PID})
		}
		if err == nil {
			_ = lock.Close()
		}
		return exit.Usage(fmt.Errorf("%s is not empty: move its contents away and run the command again", dir))
	}
	return nil
}

// removeRestored removes the files of a failed restore.
func removeRestored(dir string) error {
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
	// Last, because the mark keeps relay from opening a partial directory.
	if err := os.Remove(filepath.Join(dir, sidecar.RestoreMark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// countWaiting returns the number of waiting events in the queue of cfg, counted once
// per event set.
func countWaiting(ctx context.Context, cfg *config.Config) (n int64, err error) {
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
