package spool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/spool/rows"
)

// till is a queue over months, with a fake clock.
type till struct {
	*local.Queue
	t   *testing.T
	dir string
	now atomic.Int64
}

func newTill(t *testing.T) *till {
	s := &till{t: t, dir: filepath.Join(t.TempDir(), "queue")}
	s.now.Store(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC).UnixMilli())
	s.open()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *till) clock() time.Time { return time.UnixMilli(s.now.Load()) }

func (s *till) open() {
	s.t.Helper()
	var err error
	s.Queue, err = local.Open(s.dir, local.Options{
		SegmentSize: 64 << 10, NoSync: true, Now: s.clock,
		Clock: func() (time.Time, bool) { return s.clock(), true },
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// later is the same shop some days later, restarted, after the ids that clients set were forgotten.
func (s *till) later(days int) {
	s.t.Helper()
	if a, err := s.Append(s.t.Context(), []queue.Entry{{ID: "till", Lanes: []string{"set"}, Body: []byte("{}")}}); err != nil || a.Stored != 1 {
		s.t.Fatalf("the id of a client: %+v %v", a, err)
	}
	for _, lane := range []string{"set", queue.LaneUnmapped} { // deliver all, so that the segments are deleted
		if _, err := s.Settle(lane, queue.Settlement{Settled: queue.UpTo(1 << 62)}); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.now.Add((time.Duration(days) * 24 * time.Hour).Milliseconds())
	s.open()
	s.now.Add((20 * time.Minute).Milliseconds()) // the clock is trusted after it has run for a while
	for deadline := time.Now().Add(time.Minute); s.Stats().DedupIDs != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d ids of clients are remembered after %d days", s.Stats().DedupIDs, days)
		}
	}
}

// export returns the table of orders from from to before to, in this state.
func export(from, to int, state string) string {
	var b strings.Builder
	b.WriteString("event,timestamp,Bon,State\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "Sale,2026-11-01T10:00Z,B-%d,%s\n", i, state)
	}
	return b.String()
}

func (s *till) imports(file, run string) (Report, error) {
	return Import(s.t.Context(), strings.NewReader(file), Options{Queue: s, Name: "month.csv", Run: run, Layout: rows.Layout{ID: "Bon"}})
}

func (s *till) want(when, file, run string, want Counts) {
	s.t.Helper()
	if rep, err := s.imports(file, run); err != nil || rep.Counts != want {
		s.t.Errorf("%s: %+v %v, want %+v", when, rep.Counts, err, want)
	}
}

// Exports that contain previous orders store each order once, by its number, 3 and 40 days later,
// and count how many differ.
func TestMonthToDate(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	s.want("at first", export(0, 1200, "paid"), "", Counts{Rows: 1200, Stored: 1200})
	s.later(3)
	s.want("after 3 days", export(0, 1300, "paid"), "", Counts{Rows: 1300, Stored: 100, Duplicates: 1200})
	s.later(37)
	s.want("after 40 days", export(0, 1100, "paid")+export(1100, 1350, "shipped")[len("event,timestamp,Bon,State\n"):], "",
		Counts{Rows: 1350, Stored: 50, Duplicates: 1300, Changed: 200})
	s.want("as another import", export(0, 1350, "paid"), "again", Counts{Rows: 1350, Stored: 1350})
	s.later(60)
	s.want("60 days after the last", export(1300, 1351, "shipped"), "", Counts{Rows: 51, Stored: 1, Duplicates: 50})
	s.later(80)
	s.want("when Meta takes none of them any more", export(0, 1351, "paid"), "", Counts{Rows: 1351, Stored: 1351})
}

// The rows are stored but the caller does not learn it; a restart finds all of them, also days
// later.
func TestMonthToDateCrash(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	lost := errors.New("the process ends here")
	_, err := Import(t.Context(), strings.NewReader(export(0, 1200, "paid")), Options{
		Queue: untold{s.Queue, lost}, State: StateFile(filepath.Join(t.TempDir(), "state")), Name: "month.csv", Layout: rows.Layout{ID: "Bon"},
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	s.later(3)
	s.want("again", export(0, 1200, "paid"), "", Counts{Rows: 1200, Stored: 1200 - batchRows, Duplicates: batchRows})
}

// untold is a queue that stores its input but returns an error.
type untold struct {
	Appender
	err error
}

func (u untold) Append(ctx context.Context, es []queue.Entry) (queue.Appended, error) {
	if a, err := u.Appender.Append(ctx, es); err != nil {
		return a, err
	}
	return queue.Appended{}, u.err
}

// Of two concurrent exports each order is stored by one.
func TestMonthToDateTwice(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	var wg sync.WaitGroup
	var stored, known atomic.Int64
	for from := range 4 {
		wg.Go(func() {
			rep, err := s.imports(export(100*from, 2000, "paid"), "")
			if err != nil {
				t.Error(err)
			}
			stored.Add(rep.Stored)
			known.Add(rep.Duplicates)
		})
	}
	wg.Wait()
	if stored.Load() != 2000 || known.Load() != 1900+1800+1700 {
		t.Errorf("%d stored, %d known", stored.Load(), known.Load())
	}
}
