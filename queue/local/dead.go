package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"

	"relay/internal/logs"
	"relay/queue"
	"relay/queue/internal/format"
	"relay/queue/local/directory"
	"relay/queue/local/internal/age"
	"relay/queue/local/internal/dead"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/meta"
)

// deadLog is dead.db, which is opened in the background after the segments.
type deadLog struct {
	q     *Queue
	path  string
	first uint64            // number of the first letter if there is no file
	gens  map[string]uint64 // last settlement of each lane in meta.db at Open
	ready chan struct{}     // closed once load has run

	mu    sync.Mutex
	store *dead.Store
	err   error // error of load; the background goroutine tries again
}

// newDeadLog must be called after meta.db was opened and before a lane is settled. fresh is
// whether the directory is new, so that no letter had a number there.
func newDeadLog(q *Queue, fresh bool) *deadLog {
	d := &deadLog{q: q, path: filepath.Join(q.dir, directory.Dead), first: 1 << 32, gens: make(map[string]uint64), ready: make(chan struct{})}
	if !fresh {
		// If dead.db is lost, the numbers it used are unknown. A letter redriven under a
		// number used before would count as stored already.
		d.first = (2 + uint64(rand.Uint32N(1<<30))) << 32
	}
	for name, l := range q.lanes {
		d.gens[name] = l.gen
	}
	return d
}

// newGen returns the number from which a lane counts its settlements. The upper half
// distinguishes its letters from those of a lane of the same name whose row was lost.
func newGen() uint64 { return uint64(rand.Uint32()|1) << 32 }

// load opens dead.db.
func (d *deadLog) load() {
	header, err := json.Marshal(meta.Info{Format: files.Version, Sum: files.FormatSum(files.Version)})
	var s *dead.Store
	if err == nil {
		s, err = dead.Open(d.path, dead.Options{
			Stamp: d.q.ages.update, Ring: d.q.ring, Codec: d.q.zstd, Files: dead.Bolt{ReadOnly: d.q.readOnly, NoSync: d.q.o.NoSync},
			MaxSize: d.q.o.DeadMaxSize, ShareOf: queue.LaneConflict, DropOldest: d.q.o.DeadDropOldest, First: d.first, Header: header,
			Format: func(b []byte) error {
				var info meta.Info
				if err := json.Unmarshal(b, &info); err != nil {
					return format.Damaged("header: %v", err)
				}
				return files.KnownFormat(info.Format, info.Sum)
			},
			Committed: func(lane string) (uint64, bool) { gen, ok := d.gens[lane]; return gen, ok },
			Cut: func(n int) {
				d.q.o.Logger.Warn("dead letters were larger than all the space for them: the ends of their events are lost", "code", logs.DeadCut, "letters", n)
			},
			Repaired: d.repaired, Full: d.q.useReserve, ReadOnly: d.q.readOnly, NoSync: d.q.o.NoSync,
		})
	}
	d.mu.Lock()
	again := err != nil && d.err != nil && d.err.Error() == err.Error()
	d.store, d.err = s, err
	d.mu.Unlock()
	if err != nil && !again {
		d.q.o.Logger.Error("cannot open dead letters", "code", logs.DeadNotOpened, "err", err)
	}
	if !isClosed(d.ready) {
		close(d.ready)
	}
}

func (d *deadLog) repaired(r dead.Repair) {
	d.q.counters.damaged(r.Lost, r.Exact)
	d.q.measureOtherFiles()
	d.q.o.Logger.Error("dead letters are damaged: readable ones were saved, the file is quarantined", "code", logs.DeadDamaged,
		"saved", r.Saved, "lost", r.Lost, "lost_known", r.Exact, "err", r.Cause)
}

// opened waits until the store was opened and returns it.
func (d *deadLog) opened() (*dead.Store, error) {
	select {
	case <-d.ready:
	case <-d.q.stop:
		if !isClosed(d.ready) {
			return nil, ErrClosed
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store, d.err
}

// stats returns the numbers for Stats.
func (d *deadLog) stats() (letters, bytes int64) {
	if !isClosed(d.ready) {
		return 0, 0
	}
	if s, err := d.opened(); err == nil {
		return s.Stats()
	}
	return 0, 0
}

// put durably stores the letters of one settlement of a lane.
func (d *deadLog) put(lane string, gen uint64, letters []DeadLetter) error {
	s, err := d.opened()
	if err != nil {
		return err
	}
	for i := range letters {
		if letters[i].DeadAt.IsZero() {
			letters[i].DeadAt = d.q.o.Now().UTC()
		}
	}
	n, err := s.Put(lane, gen, letters)
	if n > 0 {
		d.q.counters.dropped(queue.DropDeadMaxSize, int64(n))
		d.q.o.Logger.Warn("dropped the oldest dead letters to make room", "code", logs.DeadDroppedOldest, "letters", n)
	}
	return err
}

// commit is called when the lane's row was saved after its letters.
func (d *deadLog) commit(lane string) {
	if s, err := d.opened(); err == nil {
		s.Commit(lane)
	}
}

// expire removes the letters for which old returns true.
func (d *deadLog) expire(old func(age.Stamp) bool) error {
	s, err := d.opened()
	if err != nil {
		return err
	}
	n, err := s.Expire(old)
	d.q.counters.dropped(queue.DropDeadMaxAge, int64(n))
	return err
}

// maintain opens the store again if that failed, and rewrites it to free space. It is called
// every second.
func (d *deadLog) maintain() {
	s, err := d.opened()
	if err != nil {
		if !errors.Is(err, ErrClosed) {
			d.load()
		}
		return
	}
	_, bytes := s.Stats()
	d.q.mu.Lock()
	held := d.q.backups > 0
	d.q.mu.Unlock()
	if held || !d.q.space.hasFree(4*bytes) || !s.MostlyFree() {
		return
	}
	if err := s.Compact(); err != nil {
		d.q.o.Logger.Warn("cannot compact dead letters", "code", logs.DeadNotCompacted, "err", err)
	}
}

func (d *deadLog) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store == nil {
		return nil
	}
	return d.store.Close()
}

// DeadLetters calls fn for each dead letter after the id after (empty: from the first on),
// oldest first, until fn returns false. No lock is held during fn, which can drop or redrive
// the letter.
func (q *Queue) DeadLetters(after string, fn func(DeadLetter) bool) error {
	from := uint64(0)
	for {
		if after != "" {
			n, ok := dead.ParseID(after)
			if !ok {
				return fmt.Errorf("dead letter %q: %w", after, ErrNotFound)
			}
			from = n + 1
		}
		var page []DeadLetter
		err := q.calls.Do(fmt.Sprintf("dead letters %x", from), func() error {
			s, err := q.dead.opened()
			if err == nil {
				page, err = s.List(from, 100)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, dl := range page {
			if !fn(dl) {
				return nil
			}
		}
		after = page[len(page)-1].ID
	}
}

// DeadLetter returns one letter, or ErrNotFound.
func (q *Queue) DeadLetter(id string) (DeadLetter, error) {
	n, ok := dead.ParseID(id)
	if !ok {
		return DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, ErrNotFound)
	}
	s, err := q.dead.opened()
	if err != nil {
		return DeadLetter{}, err
	}
	return s.Get(n)
}

// DropDead durably removes dead letters and returns how many.
func (q *Queue) DropDead(ids ...string) (int, error) {
	n, err := q.removeDead(ids)
	q.counters.dropped(queue.DropDeadOperator, int64(n))
	return n, err
}

func (q *Queue) removeDead(ids []string) (int, error) {
	if q.readOnly {
		return 0, ErrReadOnly
	}
	s, err := q.dead.opened()
	if err != nil {
		return 0, err
	}
	var numbers []uint64
	for _, id := range ids {
		if n, ok := dead.ParseID(id); ok {
			numbers = append(numbers, n)
		}
	}
	n, err := s.Remove(numbers)
	if err != nil {
		return 0, fmt.Errorf("drop dead letters: %w", err)
	}
	return n, nil
}

// Redrive is queue.Redrive for this queue.
func (q *Queue) Redrive(ids []string, route func(DeadLetter) []string) (int, error) {
	if q.readOnly {
		return 0, ErrReadOnly
	}
	q.moving.RLock()
	defer q.moving.RUnlock()
	return queue.Redrive(context.Background(), q, ids, route, q.removeDead)
}
