package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/backup"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/session"
)

func newBackupCommand() *cobra.Command {
	var verify bool
	var p passphrase
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the queue while relay runs",
		Long: `Writes a tar file of the queue directory as of one moment, then reads it back to verify it.
An error leaves no file behind. ` + "`relay restore`" + ` unpacks it. --verify checks an earlier backup.

The file contains everything in the queue, including customers' events and the installation's
secret, and is encrypted only where the queue is. With --passphrase-file the whole file is
encrypted in the age format; ` + "`age -d`" + ` can read it too. ` + "`relay forget`" + ` does not reach backups:
run it again after a restore.

Only one backup runs at a time. If the destination accepts no data for 30 s, such as a hung
mount, the backup is cancelled.`,
		Example: "  relay backup /mnt/usb/relay-queue.tar\n  relay backup --passphrase-file backup-passphrase /mnt/usb/relay-queue.tar.age\n" +
			"  relay backup --verify /mnt/usb/relay-queue.tar",
		Args: cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if verify {
				return verifyBackup(c, args[0], p)
			}
			words, err := p.read()
			if err != nil {
				return err
			}
			return cli.WithSession(c, true, func(ctx context.Context, d *session.Session) error {
				return saveFile(c, args[0], func(f *os.File) error {
					out, err := encryptTo(f, words)
					if err != nil {
						return err
					}
					if err := errors.Join(d.Backup(ctx, out), out.Close()); err != nil {
						return err
					}
					if _, err := f.Seek(0, io.SeekStart); err != nil {
						return fmt.Errorf("read %s: %w", args[0], err)
					}
					in, err := decryptFrom(f, words)
					if err == nil {
						_, err = backup.Verify(in)
					}
					return err
				})
			})
		},
	}
	c.Flags().BoolVar(&verify, "verify", false, "check an earlier backup instead of writing one")
	p.flag(c)
	cli.AddConfigFlag(c)
	return c
}

func verifyBackup(c *cobra.Command, path string, p passphrase) error {
	words, err := p.read()
	if err != nil {
		return err
	}
	f, err := disk.Open(path)
	if err != nil {
		return fmt.Errorf("verify backup: %w", err)
	}
	defer f.Close()
	in, err := decryptFrom(f, words)
	n := 0
	if err == nil {
		n, err = backup.Verify(in)
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", path, err)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s is complete: %d files, all checksums match\n", path, n)
	return err
}

// passphrase is the path of a file with a passphrase; "" means that backups are not encrypted.
type passphrase string

func (p *passphrase) flag(c *cobra.Command) {
	c.Flags().StringVar((*string)(p), "passphrase-file", "", "file with the passphrase of the backup on one line")
}

// minPassphrase is the minimum length of a passphrase in bytes; a shorter one can be guessed.
const minPassphrase = 16

func (p passphrase) read() (string, error) {
	if p == "" {
		return "", nil
	}
	if err := config.Refusable(string(p)); err != nil {
		return "", exit.BadConfig(fmt.Errorf("--passphrase-file: %w", err))
	}
	b, err := disk.ReadFile(string(p), 64<<10)
	if err != nil {
		return "", exit.Usage(fmt.Errorf("--passphrase-file: %w", err))
	}
	words := strings.TrimRight(string(b), "\r\n")
	if len(words) < minPassphrase || strings.ContainsAny(words, "\r\n") {
		return "", exit.Usage(fmt.Errorf("--passphrase-file: expected one line of at least %d characters, such as `openssl rand -base64 24` prints", minPassphrase))
	}
	return words, nil
}

// encryptTo returns a writer that encrypts to w with the passphrase words. Without words
// it writes to w unchanged.
func encryptTo(w io.Writer, words string) (io.WriteCloser, error) {
	if words == "" {
		return plainWriter{w}, nil
	}
	to, err := age.NewScryptRecipient(words)
	if err != nil {
		return nil, fmt.Errorf("encrypt backup: %w", err)
	}
	out, err := age.Encrypt(w, to)
	if err != nil {
		return nil, fmt.Errorf("encrypt backup: %w", err)
	}
	return out, nil
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// ageMagic is the first line of an encrypted backup.
const ageMagic = "age-encryption.org/v1\n"

// decryptFrom returns a reader of the plain backup in r, which can be encrypted with
// words. Reading a truncated or changed backup returns an error.
func decryptFrom(r io.Reader, words string) (io.Reader, error) {
	in := bufio.NewReader(r)
	head, _ := in.Peek(len(ageMagic)) // a shorter file is not a backup; reading it fails later
	encrypted := bytes.Equal(head, []byte(ageMagic))
	switch {
	case encrypted && words == "":
		return nil, exit.Usage(errors.New("the backup is encrypted: give --passphrase-file"))
	case !encrypted && words != "":
		return nil, exit.Usage(errors.New("the backup is not encrypted: omit --passphrase-file"))
	case !encrypted:
		return in, nil
	}
	id, err := age.NewScryptIdentity(words)
	if err != nil {
		return nil, fmt.Errorf("decrypt backup: %w", err)
	}
	out, err := age.Decrypt(in, id)
	if err != nil {
		return nil, fmt.Errorf("decrypt backup: %w: is this the passphrase it was made with?", err)
	}
	return out, nil
}

// saveFile writes a new file completely or not at all. It never overwrites a file.
func saveFile(c *cobra.Command, path string, write func(*os.File) error) error {
	if _, err := os.Lstat(path); err == nil {
		return exit.Usage(fmt.Errorf("%s already exists", path))
	}
	_ = disk.CleanBeside(path, time.Hour) // copies of customers' data; a directory that cannot be listed can still be written to
	if err := disk.CreateWith(path, 0o600, write); err != nil {
		if answer, ok := errors.AsType[*api.Error](err); ok {
			return answer // the answer of relay, not a problem of the file
		}
		return fmt.Errorf("write %s: %w", path, disk.Bare(err))
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s written to %s\n", advice.Size(fi.Size()), path)
	return err
}
