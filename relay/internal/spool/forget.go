package spool

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/mapper/personal"
)

// Seeker says whether something is about a person.
type Seeker interface {
	Event(body []byte, id string, received time.Time) bool
	Text(s string) bool
	Cells(cells []string) bool
}

// Forgotten says what Forget removed, or would remove.
type Forgotten struct {
	Rows      int
	Unreached []string // where nobody could look, a sentence each
}

// maxSearched is how large a file may be, packed and unpacked, that Forget looks into:
// it holds what is kept of one in memory.
const maxSearched = 512 << 20

// names are files of which a sentence says that they were not searched.
type names struct {
	n     int
	first []string
}

func (n *names) add(file string) {
	n.n++
	if len(n.first) < 10 {
		parts := strings.Split(file, "/")
		for i, part := range parts {
			if i > 0 || !ownName(part) {
				parts[i] = personal.ShowName(part)
			}
		}
		n.first = append(n.first, strings.Join(parts, "/"))
	}
}

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
func (d *Directory) Forget(ctx context.Context, who Seeker, dry bool) (n Forgotten, err error) {
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
					beside.add(path)
				}
				return fs.SkipDir
			case e.IsDir() || sub == workDir && e.Name() == stateName:
				return nil
			case !e.Type().IsRegular():
				beside.add(path)
				return nil
			}
			inHand := sub == "." && wanted(e.Name()) || sub == workDir && strings.HasPrefix(e.Name(), fileName)
			if sub == "." && !inHand { // not for us
				beside.add(path)
				return nil
			}
			rows, err := forgetFile(context.WithoutCancel(ctx), root, d.o.Seal, &d.o.Layout, path, strings.TrimPrefix(e.Name(), fileName), who, dry || inHand)
			switch {
			case errors.Is(err, errUnsearchable):
				unsearchable.add(path)
				return nil
			case inHand && rows > 0 && !dry:
				waiting++
				return err
			}
			n.Rows += rows
			return err
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

// ForgetReport removes a person from the report of an import. Nothing but a report is
// touched.
func ForgetReport(ctx context.Context, path string, who Seeker, dry bool) (rows int, err error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	if !fi.Mode().IsRegular() {
		return 0, errors.New("it is no report of refused rows any more")
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	is := isReport(f)
	_ = f.Close()
	if !is {
		return 0, errors.New("it is no report of refused rows any more")
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	defer func() { _ = root.Close() }()
	return forgetFile(ctx, root, nil, &Layout{}, filepath.Base(path), "", who, dry)
}

// forgetFile removes rows from a file that nobody reads on. One whose name is about the
// person gets another name: its other rows are others'. One that cannot be searched goes
// whole then.
func forgetFile(ctx context.Context, root *os.Root, ring *seal.Ring, layout *Layout, path, name string, who Seeker, dry bool) (rows int, err error) {
	in, err := openFile(root, path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return 0, err
	}
	if fi.Size() > maxSearched {
		return 0, errUnsearchable
	}
	var kept bytes.Buffer
	var content io.ReadSeeker = in
	sealed := strings.HasSuffix(path, sealedEnd)
	if sealed {
		content, err = unseal(in, ring)
		name = strings.TrimSuffix(name, sealedEnd)
	}
	if err == nil {
		rows, err = filter(ctx, content, &kept, layout, who)
	}
	named, hers := namedAfter(name, who)
	whole := hers && errors.Is(err, errUnsearchable)
	if named {
		rows = max(rows, 1)
	}
	switch {
	case whole:
		err = nil
	case named && !dry && errors.Is(err, errUnsearchable): // only its name can be told to be
		return 0, errors.Join(err, rename(root, path))
	}
	if err != nil || rows == 0 || dry {
		return rows, err
	}
	_ = in.Close() // there are systems where an open file cannot be replaced
	if whole || kept.Len() == 0 {
		err = root.Remove(path)
	} else if sealed {
		var b bytes.Buffer
		if err = sealTo(&b, &kept, ring); err == nil {
			err = replace(root, path, fi, b.Bytes())
		}
	} else {
		err = replace(root, path, fi, kept.Bytes())
	}
	if err == nil && named && !whole && kept.Len() > 0 {
		err = rename(root, path)
	}
	if err == nil {
		err = disk.SyncDir(filepath.Join(root.Name(), filepath.Dir(path)))
	}
	if err != nil {
		return 0, err
	}
	return rows, nil
}

// unseal is what a sealed file holds; one that does not open cannot be searched.
func unseal(in io.Reader, ring *seal.Ring) (io.ReadSeeker, error) {
	if ring == nil {
		return nil, errUnsearchable
	}
	r, err := OpenSealed(in, ring)
	var b []byte
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsearchable, err)
	}
	return bytes.NewReader(b), nil
}

// replace puts a file with this content in the place of another, of its age: how long
// it is kept counts from there.
func replace(root *os.Root, path string, old fs.FileInfo, content []byte) (err error) {
	tmp := disk.TempName(path)
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, old.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Chtimes(tmp, old.ModTime(), old.ModTime())
	}
	if err == nil {
		err = root.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, root.Remove(tmp))
	}
	return nil
}

// errUnsearchable says that nobody can look into a file.
var errUnsearchable = errors.New("it holds no rows of text")

// filter copies the rows of a file that are not about the person, as UTF-8.
func filter(ctx context.Context, in io.ReadSeeker, kept *bytes.Buffer, layout *Layout, who Seeker) (gone int, err error) {
	w := &whole{f: in, most: maxSearched}
	s, err := w.survey(ctx, 0, func(int64) {})
	if _, ok := errors.AsType[*FormatError](err); ok {
		return 0, errUnsearchable
	}
	if err != nil {
		return 0, err
	}
	content, err := w.reader()
	if err != nil {
		return 0, err
	}
	text := decoded(content, s.encoding)
	switch s.format {
	case CSV:
		gone, err = filterTable(text, kept, layout, who)
	case JSON:
		gone, err = filterValues(text, kept, who)
	default:
		gone, err = filterLines(text, kept, who)
	}
	if err != nil || !w.gzip || kept.Len() == 0 {
		return gone, err
	}
	plain := bytes.Clone(kept.Bytes())
	kept.Reset()
	z := gzip.NewWriter(kept)
	_, err = z.Write(plain)
	return gone, errors.Join(err, z.Close())
}

// filterTable takes a table with a header, or a text that is none. A row is looked at
// as the event that is stored of it; where one row of an order is about the person, all
// rows of the order are.
func filterTable(in io.Reader, kept io.Writer, layout *Layout, who Seeker) (gone int, err error) {
	all, err := io.ReadAll(in)
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(all, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(all))
	r.FieldsPerRecord, r.LazyQuotes, r.Comma = -1, true, cmp.Or(layout.Comma, separator(string(first)))
	t := tableRows{who: who, layout: layout}
	for from := int64(0); ; {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		to := r.InputOffset()
		if err != nil { // a quote that does not close: the rest is one text
			to = int64(len(all))
		}
		line := 0
		if err == nil && len(cells) > 0 {
			line, _ = r.FieldPos(0)
		}
		t.add(line, cells, all[from:to])
		if from = to; err != nil {
			break
		}
	}
	for _, row := range t.rows {
		if row.gone || row.order != "" && t.orders[row.order] {
			gone++
		} else if _, err := kept.Write(row.text); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// tableRows are the rows of a table with what Forget finds in them.
type tableRows struct {
	who    Seeker
	layout *Layout
	header []string
	cols   *columns // nil: the header is not as the layout has it
	rows   []tableRow
	orders map[string]bool // those that are about the person
	order  string          // of the row above
}

type tableRow struct {
	text  []byte
	order string
	gone  bool
}

func (t *tableRows) add(line int, cells []string, text []byte) {
	row := tableRow{text: text}
	if t.header == nil && line >= t.layout.HeaderRow && len(cells) > 1 && data(cells) == "" {
		t.header = cells
		t.cols, _ = newColumns(newHeader(cells), t.layout) // without, the names of the header say what stands where
		t.orders = make(map[string]bool)
	}
	row.gone = t.about(cells, text)
	if t.cols != nil && t.cols.group != nil && len(cells) == len(t.header) {
		t.order = cmp.Or(t.cols.text(t.cols.group, cells), t.order)
		row.order = t.order
		t.orders[row.order] = t.orders[row.order] || row.gone
	}
	t.rows = append(t.rows, row)
}

// about looks at a row as the event that it is, by the names of the header, and as it is.
func (t *tableRows) about(cells []string, text []byte) bool {
	if t.header == nil || len(cells) != len(t.header) {
		return t.who.Cells(cells) || t.who.Text(string(text))
	}
	named := make(map[string]string, len(cells))
	for i, c := range cells {
		named[t.header[i]] = c
	}
	if t.cols != nil {
		body, _ := t.cols.write(nil, [][]string{cells})
		if t.who.Event(body, "", time.Time{}) {
			return true
		}
		for _, at := range [][]int{t.cols.id, t.cols.group} {
			if at != nil {
				named["order_id"] = t.cols.text(at, cells)
				if b, err := json.Marshal(named); err != nil || t.who.Event(b, "", time.Time{}) {
					return true
				}
			}
		}
	}
	b, err := json.Marshal(named)
	return err != nil || t.who.Event(b, "", time.Time{})
}
