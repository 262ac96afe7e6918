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

// ForgetReports removes a person from the reports of imports at these paths, and says, a
// sentence each, what it could not reach. Names of files in it are shown as in logs.
func ForgetReports(ctx context.Context, paths []string, who rows.Matcher, dry bool) (gone int, unreached []string) {
	var missing, named names
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
			unreached = append(unreached, fmt.Sprintf("the report of an import, %s: %v", personal.ShowPath(filepath.Base(path), relayNamed, nil), unnamed(err)))
		}
	}
	if named.n > 0 {
		unreached = append(unreached, fmt.Sprintf("%d reports of imports, or the files they are of, with the person in their names or folders: remove them, and give files of imports other names", named.n))
	}
	if missing.n > 0 {
		unreached = append(unreached, fmt.Sprintf("%d reports of imports that are not where they were written: those that were moved rather than removed, look into: %s", missing.n, missing.shown()))
	}
	return gone, unreached
}

// forgetReport removes a person from the report of an import. Nothing but a report is
// touched: what was looked at is what is read, and only in its own folder is anything
// written, whatever somebody else puts in the place of one of them meanwhile.
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
	errNone := errors.New("it is no report of refused rows any more")
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
