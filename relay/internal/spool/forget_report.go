package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relay/mapper/personal"
	"relay/relay/internal/spool/rows"
)

// ForgetReports removes a person from the import reports at these paths. It returns a sentence for
// each place it could not reach, with file names as logs show them.
func ForgetReports(ctx context.Context, paths []string, who rows.Matcher, dry bool) (gone int, unreached []string) {
	var missing, named fileList
	for _, path := range paths {
		if slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(part string) bool { named, _ := namedAfter(part, who); return named }) {
			named.show(filepath.Base(path), nil)
		}
		n, err := forgetReport(ctx, path, who, dry)
		gone += n
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing.show(filepath.Base(path), nil)
		case err != nil:
			unreached = append(unreached, fmt.Sprintf("the report of an import, %s: %v", personal.ShowPath(filepath.Base(path), relayNamed, nil), withoutName(err)))
		}
	}
	if named.n > 0 {
		unreached = append(unreached, fmt.Sprintf("%d import reports, or the imported files, have the person in their names or folders: remove them, and import files under other names", named.n))
	}
	if missing.n > 0 {
		unreached = append(unreached, fmt.Sprintf("%d import reports are not where they were written; if they were moved, check them: %s", missing.n, missing.shown()))
	}
	return gone, unreached
}

// forgetReport removes a person from an import report. It only changes reports: it reads exactly
// the file it has checked, and only writes into the report's own folder, whatever other users
// replace meanwhile.
func forgetReport(ctx context.Context, path string, who rows.Matcher, dry bool) (gone int, err error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	defer func() { _ = root.Close() }()
	name := filepath.Base(path)
	at, err := root.Lstat(name)
	if err != nil {
		return 0, err
	}
	errNone := errors.New("it is not a report of refused rows any more")
	if !at.Mode().IsRegular() {
		return 0, errNone
	}
	f, err := openFile(root, name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !os.SameFile(at, fi) || !rows.IsReport(f) {
		return 0, errors.Join(err, errNone)
	}
	return forgetOpened(ctx, root, f, nil, &rows.Layout{}, name, "", who, dry)
}
