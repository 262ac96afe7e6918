package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"relay/mapper/personal"
	"relay/relay/internal/spool/rows"
)

// Forgotten is what Forget removed, or would remove.
type Forgotten struct {
	Rows      int
	Unreached []string // places that could not be searched, a sentence each
}

// fileList collects the names of files for a message.
type fileList struct {
	n     int
	first []string
}

func (n *fileList) add(file string, e fs.DirEntry) {
	fi, err := e.Info()
	if err != nil {
		fi = nil // deleted meanwhile
	}
	n.show(file, fi)
}

func (n *fileList) show(file string, fi fs.FileInfo) {
	n.n++
	if len(n.first) < 10 {
		n.first = append(n.first, personal.ShowPath(file, relayNamed, fi))
	}
}

// relayNamed reports whether relay chose the name of this path.
func relayNamed(file string) bool {
	name := path.Base(file)
	return ownName(file) || isClaim(strings.TrimSuffix(name, ends(name))) || ownRename.MatchString(name)
}

// ownRename matches the result of neutralName.
var ownRename = regexp.MustCompile(`^renamed-[A-Z2-7]{10}(\.[a-z0-9]{1,8})*$`)

// shown returns the first names; of a name that could be a person's, its shape.
func (n *fileList) shown() string {
	words := strings.Join(n.first, ", ")
	if n.n > len(n.first) {
		words += ", …"
	}
	return words
}

// scanLock serializes scans and Forget, which ends a running scan early.
type scanLock struct {
	scanning sync.Mutex // held by Run while it scans, and by Forget
	mu       sync.Mutex
	cancel   context.CancelFunc // of the running scan
}

// begin starts a scan; the caller calls end.
func (t *scanLock) begin(ctx context.Context) (_ context.Context, end func()) {
	t.scanning.Lock()
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	t.cancel = cancel
	t.mu.Unlock()
	return ctx, func() {
		cancel()
		t.scanning.Unlock()
	}
}

// take cancels the running scan and waits for it. None starts until release.
func (t *scanLock) take() (release func()) {
	t.mu.Lock()
	if t.cancel != nil {
		t.cancel()
	}
	t.mu.Unlock()
	t.scanning.Lock()
	return t.scanning.Unlock
}

// pendingTimeout is how long Forget waits for pending files to be stored.
const pendingTimeout = time.Minute

// Forget removes a person from the files in the directory: from rows of stored and refused files
// and of reports. Pending files are stored first, so that the caller finds their events in the
// queue. With dry it only counts. Cancelling ctx stops it between two files; a deadline only
// bounds the wait for pending files.
func (d *Directory) Forget(ctx context.Context, who rows.Matcher, dry bool) (n Forgotten, err error) {
	release := d.turn.take()
	defer release()
	if !dry {
		d.storePending(ctx)
	}
	root, err := os.OpenRoot(d.o.Dir) // a user who can drop files can replace directories by links
	if err != nil {
		return n, fmt.Errorf("forget dropped files: %w", err)
	}
	defer func() { _ = root.Close() }()
	waiting := 0
	var unsearchable, beside fileList
	for _, sub := range []string{".", workDir, doneDir, refusedDir} {
		err := fs.WalkDir(root.FS(), sub, func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case errors.Is(ctx.Err(), context.Canceled):
				return ctx.Err()
			case e.IsDir() && sub == "." && path != ".":
				if !ownName(path) {
					beside.add(path, e)
				}
				return fs.SkipDir
			case e.IsDir() || sub == workDir && e.Name() == stateName:
				return nil
			case !e.Type().IsRegular():
				beside.add(path, e)
				return nil
			}
			inHand := sub == "." && wanted(e.Name()) && !strings.HasPrefix(e.Name(), ".") || sub == workDir && strings.HasPrefix(e.Name(), fileName)
			if sub == "." && !inHand { // not taken by relay
				beside.add(path, e)
				return nil
			}
			gone, err := forgetFile(context.WithoutCancel(ctx), root, d.o.Seal, &d.o.Layout, path, strings.TrimPrefix(e.Name(), fileName), who, dry || inHand)
			switch {
			case errors.Is(err, rows.ErrUnsearchable):
				unsearchable.add(path, e)
				return nil
			case inHand && gone > 0 && !dry:
				waiting++
				return withoutName(err)
			}
			n.Rows += gone
			return withoutName(err)
		})
		if err != nil {
			return n, fmt.Errorf("forget dropped files: %w", err)
		}
	}
	if waiting > 0 {
		n.Unreached = append(n.Unreached, fmt.Sprintf("%d dropped files with events of the person are still being written or could not be stored yet: run this again when they are stored", waiting))
	}
	if unsearchable.n > 0 {
		n.Unreached = append(n.Unreached, fmt.Sprintf("%d dropped files have no rows of text (workbooks, archives), are larger than %d MiB or cannot be decrypted with the configured keys: check or remove them: %s",
			unsearchable.n, maxSearched>>20, unsearchable.shown()))
	}
	if beside.n > 0 {
		n.Unreached = append(n.Unreached, fmt.Sprintf("%d files, links and folders in the spool directory are not taken by relay: check or remove them: %s", beside.n, beside.shown()))
	}
	return n, nil
}

// storePending stores the dropped files that can be stored now. It waits until files dropped just
// now are known to be complete.
func (d *Directory) storePending(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pendingTimeout)
	defer cancel()
	for until := time.Now().Add((unendedFactor + 1) * d.o.Quiet); ; {
		next := d.scan(ctx)
		if d.Status().Waiting == 0 || time.Now().After(until) {
			return
		}
		select {
		case <-time.After(min(next, d.o.Quiet/4+time.Millisecond)):
		case <-ctx.Done():
			return
		}
	}
}
