package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"relay/internal/disk"
)

// File is an input file that can be read more than once. Input from a pipe is copied to a
// temporary file first.
type File struct {
	*os.File
	Label  string // the name shown to people
	remove bool   // on Close
}

// Close closes the file and removes it if it is temporary.
func (f *File) Close() error {
	err := f.File.Close()
	if f.remove {
		err = errors.Join(err, os.Remove(f.File.Name()))
	}
	return err
}

// CopyName returns the path of a temporary file in the queue directory, which has the
// right permissions and where the next start of relay removes the leftovers of a crash.
// It returns "" if the config cannot be loaded.
func CopyName(c *cobra.Command) string {
	cfg, _, err := LoadConfig(c)
	if err != nil {
		return "" // the import reports the error
	}
	return disk.TempName(filepath.Join(cfg.Dir(), "import"))
}

// createCopy makes a temporary file at path, or in the system's temporary directory if
// that fails. Where an open file can be removed, it is removed at once, so that a crash
// leaves nothing behind.
func createCopy(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if path == "" || err != nil {
		f, err = os.CreateTemp("", "relay-import-*")
	}
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return &File{File: f, remove: os.Remove(f.Name()) != nil}, nil
}

// OpenFile opens the file that an argument names; - is stdin. copyAt returns the path of
// the temporary copy of input that can be read only once.
func OpenFile(name string, stdin io.Reader, copyAt func() string) (*File, error) {
	from, label := stdin, "stdin"
	if name != "-" {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return nil, fmt.Errorf("import: %s is a directory; to import files from a directory, set spool.dir in relay.yaml", name)
		}
		f, err := disk.Open(name)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		fi, err := f.Stat()
		switch {
		case err != nil:
			_ = f.Close()
			return nil, fmt.Errorf("import: %w", err)
		case fi.Mode().IsRegular():
			return &File{File: f, Label: name}, nil
		}
		defer f.Close()
		from, label = f, filepath.Base(name)
	}
	out, err := createCopy(copyAt())
	if err != nil {
		return nil, err
	}
	out.Label = label
	if _, err := io.Copy(out, from); err != nil {
		return nil, errors.Join(fmt.Errorf("import: read %s: %w", label, err), out.Close())
	}
	return out, nil
}
