package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"relay/queue/local/directory"
	"relay/queue/local/internal/segment"
	"relay/queue/local/internal/step"
)

// moment is a directory as the next process finds it after the process ended, or the power
// failed, at that moment.
type moment struct {
	dir   string
	what  string
	acked int // appends that had returned
}

// crashes copies a directory at every step of a queue in it. It tracks which changes are not on
// the disk yet: a copy without them is what a power cut can leave.
type crashes struct {
	t    *testing.T
	dir  string
	root string // of the copies

	mu       sync.Mutex // from the beginning of a step to its end
	steps    int
	found    []moment
	seen     map[[sha256.Size]byte]bool
	last     string            // the previous copy
	acked    int               // appends that have returned
	unsynced map[string]string // file: its copy as of the last sync; "": it did not exist
	unnamed  map[string]string // name added or removed since the last sync: the file it had before; "": none
	err      error
}

// watch copies dir at every step until stop is called.
func watch(t *testing.T, dir string) (c *crashes, stop func()) {
	c = &crashes{
		t: t, dir: dir, root: t.TempDir(), seen: make(map[[sha256.Size]byte]bool),
		unsynced: make(map[string]string), unnamed: make(map[string]string),
	}
	c.last = c.copy("as it was before", nil)
	return c, step.Watch(c.begin)
}

func (c *crashes) begin(k step.Kind, path string) (end func()) {
	name, err := filepath.Rel(c.dir, path)
	if err != nil || strings.HasPrefix(name, "..") || strings.HasSuffix(name, segment.TmpSuffix) && k != step.Unlink {
		return func() {}
	}
	c.mu.Lock()
	what := fmt.Sprintf("%s %s", k, name)
	if k == step.Place { // complete, under a temporary name
		c.copy("before "+what, nil)
	}
	return func() {
		defer c.mu.Unlock()
		c.steps++
		c.note(k, name)
		last := c.copy("behind "+what, nil)
		undo := make(map[string]string)
		for _, of := range []map[string]string{c.unnamed, c.unsynced} {
			maps.Copy(undo, of)
			if len(of) > 0 {
				c.copy("without power behind "+what, undo)
			}
		}
		c.last = last
	}
}

// note records what a power cut would undo.
func (c *crashes) note(k step.Kind, name string) {
	before := filepath.Join(c.last, name)
	if _, err := os.Stat(before); err != nil {
		before = ""
	}
	keep := func(in map[string]string) {
		if _, ok := in[name]; !ok {
			in[name] = before
		}
	}
	switch k {
	case step.Write:
		keep(c.unsynced)
	case step.Commit, step.Sync:
		delete(c.unsynced, name)
	case step.Unlink:
		delete(c.unsynced, name)
		if !strings.HasSuffix(name, segment.TmpSuffix) {
			keep(c.unnamed)
		}
	case step.Link:
		keep(c.unnamed)
	case step.Place:
		delete(c.unsynced, name)
		clear(c.unnamed)
	case step.SyncDir:
		clear(c.unnamed)
	}
}

// copy copies the directory, with some files as they were before, unless the result equals an
// earlier copy.
func (c *crashes) copy(what string, undo map[string]string) (dir string) {
	sum := sha256.New()
	fmt.Fprint(sum, c.acked, " ")
	files := make(map[string][]byte)
	es, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.err = err
	}
	for _, e := range es {
		if _, ok := undo[e.Name()]; e.IsDir() || ok || e.Name() == directory.Reserve {
			continue
		}
		b, err := os.ReadFile(filepath.Join(c.dir, e.Name()))
		c.err = errors.Join(c.err, err)
		files[e.Name()] = b
	}
	for name, before := range undo {
		if before != "" {
			b, err := os.ReadFile(before)
			c.err = errors.Join(c.err, err)
			files[name] = b
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %d ", name, len(files[name]))
		sum.Write(files[name])
	}
	key := [sha256.Size]byte(sum.Sum(nil))
	if c.seen[key] {
		return c.last
	}
	c.seen[key] = true
	dir = filepath.Join(c.root, fmt.Sprint(len(c.found)))
	c.err = errors.Join(c.err, os.MkdirAll(dir, 0o700))
	for name, b := range files {
		c.err = errors.Join(c.err, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	c.found = append(c.found, moment{dir, what, c.acked})
	return dir
}

// ack counts an append that has returned.
func (c *crashes) ack() {
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.acked++
	}
}

// view is the visible state of a queue: the pending records of each lane, in order, its counts and
// state, and all letters.
type view struct {
	waits   map[string][]string // lane: id and slots
	letters []string            // lane, id and slot
	rows    map[string]string   // lane: state and counts
}

// look returns the view of q, after checking that redundant information in it agrees.
func look(q *Queue) (v view, err error) {
	v = view{waits: make(map[string][]string), rows: make(map[string]string)}
	pending := int64(0)
	for _, l := range q.Lanes() {
		n, bytes := int64(0), int64(0)
		for from := Seq(0); ; {
			b, err := q.Read(l.Name, from, 0, 0)
			if err != nil {
				return v, err
			}
			for _, r := range b.Records {
				v.waits[l.Name] = append(v.waits[l.Name], fmt.Sprintf("%s:%d", r.ID, r.Settled))
				n, bytes = n+1, bytes+int64(len(r.Body))
			}
			if from = b.Next; !b.More {
				break
			}
		}
		if n != l.Pending || bytes != l.Bytes {
			return v, fmt.Errorf("lane %s has %d records of %d bytes, but reports %d of %d", l.Name, n, bytes, l.Pending, l.Bytes)
		}
		pending += n
		maps.DeleteFunc(l.Counts, func(_ string, n int64) bool { return n == 0 })
		counts, _ := json.Marshal(l.Counts)
		v.rows[l.Name] = fmt.Sprintf("%s %s", l.State, counts)
		if waits := slices.Clone(v.waits[l.Name]); len(slices.Compact(slices.Sorted(slices.Values(waits)))) != len(waits) {
			return v, fmt.Errorf("lane %s has %q", l.Name, waits)
		}
	}
	if err := q.DeadLetters("", func(d DeadLetter) bool {
		v.letters = append(v.letters, fmt.Sprintf("%s:%s:%d", d.EventSet, d.MessageID, d.Slot))
		return true
	}); err != nil {
		return v, err
	}
	st := q.Stats()
	switch {
	case st.Pending != pending || st.Dead != int64(len(v.letters)):
		err = fmt.Errorf("%d records and %d letters, but it reports %d and %d", pending, len(v.letters), st.Pending, st.Dead)
	case st.BadSegments+st.BadChunks+st.LostRecords+int64(st.BadFiles) > 0 || st.MetaRebuilt:
		err = fmt.Errorf("damage is reported: %+v", st)
	}
	return v, err
}

func (v view) String() string { return fmt.Sprintf("%q, letters %q, %q", v.waits, v.letters, v.rows) }

// has returns the locations of records: "lane:id" maps to what is visible there.
func (v view) has() map[string]string {
	out := make(map[string]string)
	for lane, ids := range v.waits {
		for _, id := range ids {
			name, slots, _ := strings.Cut(id, ":")
			out[lane+":"+name] += "waits:" + slots + " "
		}
	}
	for _, l := range v.letters {
		lane, rest, _ := strings.Cut(l, ":")
		name, _, _ := strings.Cut(rest, ":")
		out[lane+":"+name] += "letter "
	}
	return out
}

// between checks that v is a state between two others. An operation that copies records and then
// removes them can have them in both places meanwhile.
func (v view) between(before, after view, copies bool) error {
	b, a, is := before.has(), after.has(), v.has()
	anywhere := func(m map[string]string, id string) bool {
		for k := range m {
			if strings.HasSuffix(k, ":"+id) {
				return true
			}
		}
		return false
	}
	for _, m := range []map[string]string{b, a, is} {
		for k := range m {
			if is[k] != b[k] && is[k] != a[k] && (!copies || is[k] != a[k]+b[k]) {
				return fmt.Errorf("%s is %q, was %q, will be %q", k, is[k], b[k], a[k])
			}
			if _, id, _ := strings.Cut(k, ":"); anywhere(b, id) && anywhere(a, id) && !anywhere(is, id) {
				return fmt.Errorf("%s is lost", id)
			}
		}
	}
	return nil
}

// errorLog keeps the errors that are logged.
type errorLog struct {
	slog.Handler
	mu  *sync.Mutex
	out *bytes.Buffer
}

func newErrorLog() errorLog {
	out := new(bytes.Buffer)
	return errorLog{slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelError}), new(sync.Mutex), out}
}

func (l errorLog) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Handler.Handle(ctx, r)
}

func (l errorLog) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out.Len() > 0 {
		return fmt.Errorf("logged: %s", l.out)
	}
	return nil
}

// reopened opens a directory and passes the queue to fn. No error must be logged.
func reopened(t *testing.T, dir string, o Options, fn func(q *Queue) error) error {
	log := newErrorLog()
	o.Logger = slog.New(log)
	q, err := Open(dir, o)
	if err != nil {
		return err
	}
	opened(t, q)
	err = fn(q)
	err = errors.Join(err, q.Close(), log.err())
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); err == nil && len(left) > 0 {
		err = fmt.Errorf("left over: %q", left)
	}
	return err
}
