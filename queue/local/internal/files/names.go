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

// BadSuffix ends the name of a file that is quarantined because it is damaged.
const BadSuffix = ".bad"

// Path is where a file lies that is named after a segment.
func Path(dir string, num uint64, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", num, suffix))
}

// Number reads the number of a segment off a file name that starts with one, and
// gives what follows.
func Number(name string) (num uint64, suffix string, ok bool) {
	i := strings.IndexByte(name, '.')
	if i != 16 {
		return 0, "", false
	}
	num, err := strconv.ParseUint(name[:i], 16, 64)
	return num, name[i:], err == nil && num > 0 && num < 1<<32
}

// BadName gives a name that is not taken for a file that is quarantined.
func BadName(path string) string {
	name := path + BadSuffix
	for i := 1; ; i++ {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return name
		}
		name = path + "." + strconv.Itoa(i) + BadSuffix
	}
}

// SetAside gives a damaged file a name under which it stays and is not opened.
func SetAside(path string) error {
	defer step.Begin(step.Unlink, path)()
	return os.Rename(path, BadName(path))
}

// KeepCopy gives path a second name, or copies it where that is impossible.
func KeepCopy(path, name string) error {
	defer step.Begin(step.Link, name)()
	if os.Link(path, name) == nil {
		return nil
	}
	return disk.Copy(name, path, -1)
}
