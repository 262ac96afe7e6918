package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"relay/queue/local/internal/segment"
)

// At whatever step a process ends or the power fails, every record is as before or after the
// operation in progress. Nothing is lost, duplicated or reported as damaged. The operation,
// called again, completes as if nothing had happened.
func TestCrashAtEachStep(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	closed, killed := makeSteps(t, true), makeSteps(t, false)
	steps, copies := 0, 0
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			src := closed
			if op.killed {
				src = killed
			}
			s, n := op.run(t, src)
			t.Logf("%d steps, %d directories", s, n)
			steps, copies = steps+s, copies+n
		})
	}
	t.Logf("%d steps, %d directories", steps, copies)
}

func (op *operation) run(t *testing.T, src string) (steps, copies int) {
	dir := filepath.Join(t.TempDir(), "queue")
	if !op.empty {
		if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
			t.Fatal(err)
		}
	}
	o := stepOptions()
	o.NoSync = false
	var c *crashes
	var stop func()
	if op.start {
		c, stop = watch(t, dir)
	}
	q := openTest(t, dir, o)
	opened(t, q)
	if !op.start { // the tail has pending records
		mustAppend(t, q, tail()...)
	}
	before, err := look(q)
	if err != nil {
		t.Fatal(err)
	}
	if !op.start {
		until(t, "the keeper has nothing to do", func() bool {
			n, _ := q.tasks.left()
			return n == 0
		})
		c, stop = watch(t, dir)
	}
	err = op.do(t, q, c)
	stop()
	if err = errors.Join(err, q.Close(), c.err); err != nil {
		t.Fatal(err)
	}
	o = stepOptions()
	if op.change != nil {
		op.change(&o)
	}
	var after view
	if err := reopened(t, dir, o, func(q *Queue) (err error) {
		after, err = look(q)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	todo := make(chan moment)
	for range 2 {
		wg.Go(func() {
			for x := range todo {
				if err := op.verify(t, x, o, before, after); err != nil {
					t.Errorf("%s: %v", x.what, err)
				}
				os.RemoveAll(x.dir)
			}
		})
	}
	for _, x := range c.found {
		todo <- x
	}
	close(todo)
	wg.Wait()
	return c.steps, len(c.found)
}

// verify opens a directory left by a crash.
func (op *operation) verify(t *testing.T, x moment, o Options, before, after view) error {
	if err := reopened(t, x.dir, o, func(q *Queue) error {
		is, err := look(q)
		if err == nil {
			err = is.between(before, after, op.copies)
		}
		if err == nil && op.atomic && is.String() != before.String() && is.String() != after.String() {
			err = fmt.Errorf("neither as before nor as after: %s", is)
		}
		if err != nil {
			return err
		}
		known := stored()
		switch {
		case op.empty:
			known = nil
		case !op.start:
			known = append(known, tail()...)
		}
		have := is.has()
		for i, g := range appends() {
			n := 0
			for _, e := range g {
				if have["a:"+e.ID] != "" {
					n++
				}
			}
			if n != len(g) && (n > 0 || i < x.acked) {
				return fmt.Errorf("append %d: %d of %d records are pending; %d were acknowledged", i, n, len(g), x.acked)
			}
			if i < x.acked {
				known = append(known, g...)
			}
		}
		if len(known) > 0 {
			if a, err := q.Append(t.Context(), known); err != nil || a.Duplicates != len(known) {
				return fmt.Errorf("repeating %d known ids: %+v, %v", len(known), a, err)
			}
		}
		if err := op.do(t, q, nil); err != nil {
			return fmt.Errorf("called again: %w", err)
		}
		return same(q, after)
	}); err != nil {
		return err
	}
	return reopened(t, x.dir, o, func(q *Queue) error { return same(q, after) })
}

func same(q *Queue, want view) error {
	is, err := look(q)
	if err == nil && is.String() != want.String() {
		err = fmt.Errorf("called again: %s, want %s", is, want)
	}
	return err
}

// A process that ends at any step of salvaging a damaged segment loses no intact record. The next
// start has the same records, knows their ids but none of lost records, and keeps the damaged
// file.
func TestCrashWhileSalvaging(t *testing.T) {
	dir := makeSteps(t, true)
	change(t, segment.Path(dir, 1), func(b []byte) []byte { return make([]byte, len(b)) })
	change(t, segment.Path(dir, 3), func(b []byte) []byte { clear(b[:2*os.Getpagesize()]); return b })
	c, stop := watch(t, dir)
	o := stepOptions()
	o.NoSync = false
	q := openTest(t, dir, o)
	opened(t, q)
	stop()
	after, err := look(q)
	if q.Stats().LostRecords != 10 || len(after.waits["b"]) != 8 {
		t.Fatalf("%v, %v, %+v", after, err, q.Stats())
	}
	for _, x := range c.found {
		q, err := Open(x.dir, stepOptions())
		if err != nil {
			t.Fatalf("%s: %v", x.what, err)
		}
		opened(t, q)
		if is, _ := look(q); fmt.Sprint(is) != fmt.Sprint(after) {
			t.Errorf("%s: %s, want %s", x.what, is, after)
		}
		if a := mustAppend(t, q, stored()...); a.Stored != 10 {
			t.Errorf("%s: %d of 10 lost records are stored again", x.what, a.Stored)
		}
		if n := q.Stats().BadFiles; n < 2 {
			t.Errorf("%s: %d damaged files were kept", x.what, n)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d steps, %d directories", c.steps, len(c.found))
}
