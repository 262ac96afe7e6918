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

	"filippo.io/age"
	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
	"relay/relay/internal/advice"
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
		Short: "Write a consistent copy of the queue, while relay runs",
		Long: `Writes a tar file of the queue directory, as of one moment, and reads it again. On an
error no file is left. ` + "`relay restore`" + ` unpacks it. --verify reads a copy made before.

The file holds what the queue holds, events of customers and the secret of the installation,
encrypted only as far as the queue is. With --passphrase-file all of it is encrypted, in the
format of age, which ` + "`age -d`" + ` reads too. ` + "`relay forget`" + ` does not reach a backup: run it again
after a restore.

One backup is made at a time: a reader that takes nothing of it for 30 s, such as a mount that
hangs, is cut off, so that the next can be made.`,
		Example: "  relay backup /mnt/usb/relay-queue.tar\n  relay backup --passphrase-file backup-passphrase /mnt/usb/relay-queue.tar.age\n" +
			"  relay backup --verify /mnt/usb/relay-queue.tar",
		Args: cli.Args(cobra.ExactArgs(1)),
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
					out, err := sealed(f, words)
					if err != nil {
						return err
					}
					if err := errors.Join(d.Backup(ctx, out), out.Close()); err != nil {
						return err
					}
					if _, err := f.Seek(0, io.SeekStart); err != nil {
						return fmt.Errorf("read %s: %w", args[0], err)
					}
					in, err := opened(f, words)
					if err == nil {
						_, err = backup.Verify(in)
					}
					return err
				})
			})
		},
	}
	c.Flags().BoolVar(&verify, "verify", false, "write nothing: read a copy made before and compare its sums")
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
	in, err := opened(f, words)
	n := 0
	if err == nil {
		n, err = backup.Verify(in)
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", path, err)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s is whole: %d files, every sum agrees\n", path, n)
	return err
}

// passphrase is the file that holds one; "": backups are not encrypted.
type passphrase string

func (p *passphrase) flag(c *cobra.Command) {
	c.Flags().StringVar((*string)(p), "passphrase-file", "", "a file with the passphrase that encrypts the backup, on one line")
}

// minPassphrase is what a passphrase has at least: a shorter one is guessed.
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
		return "", exit.Usage(fmt.Errorf("--passphrase-file: want one line of at least %d characters, such as `openssl rand -base64 24` prints", minPassphrase))
	}
	return words, nil
}

// sealed encrypts what is written to it; without words it passes it on.
func sealed(w io.Writer, words string) (io.WriteCloser, error) {
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

// ageMagic is how an encrypted backup begins.
const ageMagic = "age-encryption.org/v1\n"

// opened reads a backup, encrypted or not. What is cut or changed is an error when it
// is read.
func opened(r io.Reader, words string) (io.Reader, error) {
	in := bufio.NewReader(r)
	head, _ := in.Peek(len(ageMagic)) // shorter: no backup, as whoever reads it finds
	encrypted := bytes.Equal(head, []byte(ageMagic))
	switch {
	case encrypted && words == "":
		return nil, exit.Usage(errors.New("the backup is encrypted: give --passphrase-file"))
	case !encrypted && words != "":
		return nil, exit.Usage(errors.New("the backup is not encrypted: leave --passphrase-file out"))
	case !encrypted:
		return in, nil
	}
	id, err := age.NewScryptIdentity(words)
	if err != nil {
		return nil, fmt.Errorf("decrypt backup: %w", err)
	}
	out, err := age.Decrypt(in, id)
	if err != nil {
		return nil, fmt.Errorf("decrypt backup: %w: is it the passphrase it was made with?", err)
	}
	return out, nil
}

// saveFile writes a new file whole or not at all; it overwrites nothing.
func saveFile(c *cobra.Command, path string, write func(*os.File) error) error {
	if _, err := os.Lstat(path); err == nil {
		return exit.Usage(fmt.Errorf("%s exists already", path))
	}
	if err := disk.CreateWith(path, 0o600, write); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s written to %s\n", advice.Size(fi.Size()), path)
	return err
}
