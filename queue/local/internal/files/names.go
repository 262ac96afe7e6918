package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"relay/internal/disk"
	"relay/queue/local/internal/step"
)

// BadSuffix ends the name of a file that was quarantined because it is damaged.
const BadSuffix = ".bad"

// Path returns the path of a file that is named after a segment.
func Path(dir string, num uint64, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", num, suffix))
}

// ParseName splits a file name that begins with a segment number into the number and
// the rest. ok is false for other names.
func ParseName(name string) (num uint64, suffix string, ok bool) {
	i := strings.IndexByte(name, '.')
	if i != 16 {
		return 0, "", false
	}
	num, err := strconv.ParseUint(name[:i], 16, 64)
	return num, name[i:], err == nil && num > 0 && num < 1<<32
}

// QuarantinePath returns an unused path under which the file at path can be quarantined.
func QuarantinePath(path string) string {
	name := path + BadSuffix
	for i := 1; ; i++ {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return name
		}
		name = path + "." + strconv.Itoa(i) + BadSuffix
	}
}

// Quarantine renames a damaged file. It stays in the directory and is not opened again.
func Quarantine(path string) error {
	defer step.Begin(step.Unlink, path)()
	return os.Rename(path, QuarantinePath(path))
}

// LinkOrCopy gives the file at path a second name, or copies it where links are impossible.
func LinkOrCopy(path, name string) error {
	defer step.Begin(step.Link, name)()
	if os.Link(path, name) == nil {
		return nil
	}
	return disk.Copy(name, path, -1)
}
