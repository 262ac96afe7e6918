package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
)

// File is a file that is read more than once. What comes from a pipe is put into a
// temporary file first.
type File struct {
	*os.File
	Label string // how it is called to a person
	gone  bool   // when closed
}

// Close closes it, and removes it when it is a temporary one.
func (f *File) Close() error {
	err := f.File.Close()
	if f.gone {
		err = errors.Join(err, os.Remove(f.File.Name()))
	}
	return err
}

// CopyName names a temporary file in the queue's directory, with its rights; a start
// removes what a crash leaves. "" when there is none that this user may write to.
func CopyName(c *cobra.Command) string {
	cfg, _, err := config.Load(ConfigPath(c), config.Options{})
	if err != nil {
		return "" // said when the import begins
	}
	return disk.TempName(filepath.Join(cfg.Dir(), "import"))
}

// createCopy makes the temporary file. It has no name any more where an open file needs
// none: then nothing is left of it whatever happens.
func createCopy(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if path == "" || err != nil {
		f, err = os.CreateTemp("", "relay-import-*")
	}
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return &File{File: f, gone: os.Remove(f.Name()) != nil}, nil
}

// OpenFile opens the file that an argument names; - is stdin. copyAt names a temporary file
// for what can be read once only.
func OpenFile(name string, stdin io.Reader, copyAt func() string) (*File, error) {
	from, label := stdin, "stdin"
	if name != "-" {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return nil, fmt.Errorf("import: %s is a directory; spool: in relay.yaml takes files from one", name)
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
