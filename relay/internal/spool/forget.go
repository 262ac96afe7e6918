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

// Forgotten says what Forget removed, or would remove.
type Forgotten struct {
	Rows      int
	Unreached []string // where nobody could look, a sentence each
}

// names are files of which a sentence says that they were not searched.
type names struct {
	n     int
	first []string
}

func (n *names) add(file string, e fs.DirEntry) {
	fi, err := e.Info()
	if err != nil {
		fi = nil // gone meanwhile
	}
	n.show(file, fi)
}

func (n *names) show(file string, fi fs.FileInfo) {
	n.n++
	if len(n.first) < 10 {
		n.first = append(n.first, personal.ShowPath(file, relayNamed, fi))
	}
}

// relayNamed says whether relay gave this path its name.
func relayNamed(file string) bool {
	name := path.Base(file)
	return ownName(file) || isClaim(strings.TrimSuffix(name, ends(name))) || ownRename.MatchString(name)
}

// ownRename is what nameless gives.
var ownRename = regexp.MustCompile(`^renamed-[A-Z2-7]{10}(\.[a-z0-9]{1,8})*$`)

// shown are the first of them; of a name that may be a person's, its shape.
func (n *names) shown() string {
	words := strings.Join(n.first, ", ")
	if n.n > len(n.first) {
		words += ", …"
	}
	return words
}

// turn is a look into the directory, which Forget ends early.
type turn struct {
	scanning sync.Mutex // held while Run scans, and while Forget works
	mu       sync.Mutex
	cancel   context.CancelFunc // of the scan under way
}

// begin is the start of a scan; the caller calls end.
func (t *turn) begin(ctx context.Context) (_ context.Context, end func()) {
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

// take ends the scan under way and waits for it; none begins until release.
func (t *turn) take() (release func()) {
	t.mu.Lock()
	if t.cancel != nil {
		t.cancel()
	}
	t.mu.Unlock()
	t.scanning.Lock()
	return t.scanning.Unlock
}

// inHandFor is how long Forget lets the files in hand take to be stored.
const inHandFor = time.Minute

// Forget removes a person from what lies in the directory: rows of stored and refused
// files, and of the reports of refused rows. What is in hand is stored first, so that
// the caller finds it in the queue. With dry it only counts. A caller that has gone ends
// it between two files; a deadline ends the waiting for the files in hand only.
func (d *Directory) Forget(ctx context.Context, who rows.Matcher, dry bool) (n Forgotten, err error) {
	release := d.turn.take()
	defer release()
	if !dry {
		d.finishInHand(ctx)
	}
	root, err := os.OpenRoot(d.o.Dir) // who may drop files can put links in the place of directories
	if err != nil {
		return n, fmt.Errorf("forget dropped files: %w", err)
	}
	defer func() { _ = root.Close() }()
	waiting := 0
	var unsearchable, beside names
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
			if sub == "." && !inHand { // not for us
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
				return unnamed(err)
			}
			n.Rows += gone
			return unnamed(err)
		})
		if err != nil {
			return n, fmt.Errorf("forget dropped files: %w", err)
		}
	}
	if waiting > 0 {
		n.Unreached = append(n.Unreached, fmt.Sprintf("%d dropped files that could not be stored yet, or are still being written, hold something: run this again when they are stored", waiting))
	}
	if unsearchable.n > 0 {
		n.Unreached = append(n.Unreached, fmt.Sprintf("%d dropped files that hold no rows of text (workbooks, archives), are larger than %d MiB or open with no key that is given: look into them, or remove them: %s",
			unsearchable.n, maxSearched>>20, unsearchable.shown()))
	}
	if beside.n > 0 {
		n.Unreached = append(n.Unreached, fmt.Sprintf("%d files, links and folders in the spool directory that relay does not take: look into them, or remove them: %s", beside.n, beside.shown()))
	}
	return n, nil
}

// finishInHand stores what was dropped and can be stored now. What was dropped this
// moment is waited for until it can be told to be complete.
func (d *Directory) finishInHand(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, inHandFor)
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
