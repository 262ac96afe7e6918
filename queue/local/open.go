package local

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/directory"
	"relay/queue/local/internal/calls"
	"relay/queue/local/internal/capacity"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
	"relay/queue/local/internal/settled"
)

func open(dir string, o Options, readOnly bool) (_ *Queue, err error) {
	q := &Queue{
		dir: dir, o: o, readOnly: readOnly, zstd: chunk.NewCodec(), calls: calls.New(o.IOTimeout), stop: make(chan struct{}),
		in:    intake{limit: o.MaxWaiting, timeout: o.AppendTimeout, wake: make(chan struct{}, 1)},
		tasks: tasks{kick: make(chan struct{}, 1)},
		ages:  ages{now: o.Now, wall: o.Clock},
		index: index{lanes: make(map[string]*lane), leaving: make(map[uint64]bool), changed: make(chan struct{}), opening: true},
	}
	keys, err := seal.NewKeys(o.Key, o.OldKeys...)
	if err != nil {
		return nil, err
	}
	q.ring = seal.NewRing(keys)
	q.writer = &writer{
		q: q, run: make(chan func(*writer)), idsReady: make(chan struct{}), sync: (*seg).Sync, builder: chunk.NewBuilder(q.zstd, q.ring),
	}
	if !readOnly {
		if err := disk.MakeDir(dir); err != nil {
			return nil, fmt.Errorf("make queue directory: %w", err)
		}
		if err := disk.Planted(dir, directory.Own); err != nil {
			return nil, err
		}
		// No other user needs to write here. If the directory belongs to another user (a
		// container volume) chmod fails, and anyone with write access can stop the queue.
		if fi, err := os.Stat(dir); err == nil && fi.Mode().Perm()&0o002 != 0 {
			_ = os.Chmod(dir, fi.Mode().Perm()&^0o002)
		}
	}
	if err := disk.Planted(dir, directory.Own); err != nil { // again: from now on no other user can plant anything
		return nil, err
	}
	if err := q.takeLock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			q.abandon()
		}
	}()
	names, err := q.names()
	if err != nil {
		return nil, err
	}
	if err := q.checkFormat(names); err != nil {
		return nil, err
	}
	if err := q.checkSpace(); err != nil {
		return nil, err
	}
	if !readOnly {
		q.lock.Sign()
	}
	if err := q.openMeta(names); err != nil {
		return nil, err
	}
	if !readOnly {
		q.removeTemp(names)
		if err := q.shrinkReserve(); err != nil {
			return nil, err
		}
	}
	if q.ids, err = ids.Open(names, ids.Options{Dir: dir, Window: o.DedupWindow, Keep: q.o.DedupIDs, SaleWindow: queue.SaleWindow, KeepSales: q.keepSales(), NoSync: o.NoSync, ReadOnly: readOnly}); err != nil {
		return nil, err
	}
	if bad, why := q.ids.Damaged(); bad > 0 {
		q.o.Logger.Error("message ids are damaged: those of deleted segments are forgotten", "code", logs.IDsDamaged, "files", bad, "err", why)
		q.counters.badChunks(bad)
	}
	q.openAges()
	q.dead = newDeadLog(q, !slices.Contains(names, meta.Name) && !q.counters.snapshot().MetaRebuilt)
	q.findSegments(names)
	q.findMissing(names)
	q.measureOtherFiles()
	if !readOnly {
		q.began = Seq(q.lastNum+1) << 32
		if err := q.writer.rotate(); err != nil {
			if !disk.NoSpace(err) {
				return nil, err
			}
			// The volume is full: draining what is stored frees space.
			q.markBroken(err)
			q.setFull(capacity.DiskFull)
		}
		q.owned.Go(q.runWriter)
	}
	q.owned.Go(q.runBackground)
	return q, nil
}

// takeLock locks the directory for this process.
func (q *Queue) takeLock() error {
	l, err := disk.TakeLock(filepath.Join(q.dir, directory.Lock), q.readOnly)
	if held, ok := errors.AsType[*disk.HeldError](err); ok {
		return &LockedError{Dir: q.dir, PID: held.PID}
	}
	if err != nil {
		return fmt.Errorf("lock queue: %w", err)
	}
	q.lock = l
	return nil
}

// abandon releases everything after a failed open.
func (q *Queue) abandon() {
	if q.meta != nil {
		_ = q.meta.Close()
	}
	if q.ids != nil {
		q.ids.Close()
	}
	if q.writer.tail != nil {
		q.writer.tail.Close()
	}
	_ = q.lock.Close()
}

func (q *Queue) names() ([]string, error) {
	es, err := os.ReadDir(q.dir)
	if err != nil {
		return nil, fmt.Errorf("list queue directory: %w", err)
	}
	names := make([]string, 0, len(es))
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names, nil
}

// removeTemp removes temporary files of relay left by a crash, and no other files.
func (q *Queue) removeTemp(names []string) {
	for _, n := range names {
		if disk.IsTemp(n) || directory.TempSegment(n) {
			_ = files.Remove(filepath.Join(q.dir, n))
		}
	}
}

// checkFormat returns an error if this program cannot read the directory, before anything is
// changed.
func (q *Queue) checkFormat(names []string) error {
	metaOK := false
	if slices.Contains(names, meta.Name) {
		info, err := meta.Check(filepath.Join(q.dir, meta.Name))
		if err != nil && !errors.Is(err, errDamaged) {
			return fmt.Errorf("check queue: %w", err)
		}
		metaOK = err == nil
		for _, id := range info.Keys {
			if err := q.ring.Keys().Opens(id); err != nil {
				return err
			}
		}
	}
	// If meta.db is lost the newest segment has the same information.
	segs := directory.Segments(names)
	if metaOK && len(segs) > 1 {
		segs = segs[len(segs)-1:]
	}
	for _, num := range segs {
		info, err := segment.ReadInfo(segment.Path(q.dir, num))
		if errors.Is(err, errDamaged) {
			continue
		}
		if err != nil {
			return fmt.Errorf("check segment %016x: %w", num, err)
		}
		if len(info.Secret) >= 4 {
			_, err := q.ring.Open("secret", num, nil, info.Secret)
			if errors.Is(err, ErrKey) && metaOK && !q.lacksKey(num) {
				continue // the header is damaged, since no key listed in meta.db is missing
			}
			if errors.Is(err, ErrKey) {
				return fmt.Errorf("check segment %016x: %w", num, err)
			}
		}
	}
	return nil
}

// openMeta opens meta.db. A damaged one is quarantined. It replaces a damaged or missing one
// with an empty one: every cursor is then at the oldest segment, which causes duplicates.
func (q *Queue) openMeta(names []string) error {
	path := filepath.Join(q.dir, meta.Name)
	o := meta.Options{
		Dir: q.dir, Ring: q.ring, Full: q.useReserve, ReadOnly: q.readOnly, NoSync: q.o.NoSync,
		Secret:  func() []byte { return q.newSecret(names) },
		Damaged: q.metaDamaged,
	}
	var c meta.Content
	var err error
	rebuilt := false
	defer func() { q.counters.count(func(st *Stats) { st.MetaRebuilt = rebuilt }) }()
	if slices.Contains(names, meta.Name) {
		q.meta, c, err = meta.Open(o)
		switch {
		case errors.Is(err, errDamaged) && !q.readOnly:
			q.o.Logger.Error("meta.db is damaged: starting over at the oldest segment, events will be sent again", "code", logs.MetaDamaged, "err", err)
			rebuilt = true
			if err := files.Quarantine(path); err != nil {
				return fmt.Errorf("quarantine meta.db: %w", err)
			}
		case err != nil:
			return fmt.Errorf("open meta.db: %w", err)
		}
	} else if q.readOnly {
		return fmt.Errorf("open queue: %w", os.ErrNotExist)
	} else if len(directory.Segments(names)) > 0 || slices.Contains(names, directory.Dead) {
		q.o.Logger.Error("meta.db is missing: starting over at the oldest segment, events will be sent again", "code", logs.MetaMissing)
		rebuilt = true
	}
	if q.meta == nil {
		if err := meta.Create(o, rebuilt); err != nil {
			return err
		}
		if q.meta, c, err = meta.Open(o); err != nil {
			return fmt.Errorf("open meta.db: %w", err)
		}
	}
	if c.Bad > 0 {
		q.metaDamaged(c.Bad)
	}
	copy(q.secret[:], c.Secret)
	for name, r := range c.Lanes {
		q.lanes[name] = &lane{name: name, set: settled.New(r.Cursor, c.Settled[name]), gen: r.Gen, last: r.Last, state: r.State, counts: r.Counts, dropped: r.Dropped}
		q.lastNum = max(q.lastNum, uint64(r.Cursor)>>32)
		for _, b := range c.Settled[name] {
			q.lastNum = max(q.lastNum, b.Segment())
		}
	}
	for _, v := range q.meta.Voids() {
		// A range stays void after its segment was deleted, and its number is not reused.
		q.lastNum = max(q.lastNum, uint64(v.First)>>32)
	}
	return nil
}

// metaDamaged reports damaged rows of meta.db. If the queue is open already, lanes are saved
// again from memory (restoreLanes).
func (q *Queue) metaDamaged(rows int) {
	q.counters.badChunks(rows)
	q.mu.Lock()
	opening := q.opening
	q.mu.Unlock()
	if opening {
		q.o.Logger.Error("meta.db has damaged rows: their lanes start over at the oldest segment", "code", logs.MetaRowsDamaged, "rows", rows)
		return
	}
	q.o.Logger.Error("meta.db has damaged rows: they are restored from memory", "code", logs.MetaRowsDamaged, "rows", rows)
}

// newSecret returns the secret of the id hashes if meta.db lacks it: the one in the newest
// segment that has it, else a new one.
func (q *Queue) newSecret(names []string) []byte {
	secret := q.secretFromSegments(names)
	if secret == nil {
		secret = make([]byte, 32)
		rand.Read(secret)
	}
	return secret
}

// secretFromSegments returns the secret of the id hashes from the newest segment that has
// it, or nil.
func (q *Queue) secretFromSegments(names []string) []byte {
	nums := directory.Segments(names)
	slices.Reverse(nums)
	for _, num := range nums {
		info, err := segment.ReadInfo(segment.Path(q.dir, num))
		if err != nil {
			continue
		}
		if b, err := q.ring.Open("secret", num, nil, info.Secret); err == nil && len(b) == 32 {
			return bytes.Clone(b)
		}
	}
	return nil
}

// segInfo returns the header of a new segment.
func (q *Queue) segInfo(num uint64) segment.Info {
	return segment.NewInfo(num, q.o.Now(), q.secretFor(num))
}

// secretFor returns the encrypted secret for the header of a segment.
func (q *Queue) secretFor(num uint64) []byte {
	b, err := q.ring.Seal(nil, "secret", num, nil, q.secret[:])
	if err != nil {
		return nil // meta.db has the secret too
	}
	return b
}

// findSegments lists the segments of the previous run; the background goroutine opens them.
func (q *Queue) findSegments(names []string) {
	for _, n := range names {
		if num, _, ok := files.ParseName(n); ok {
			q.lastNum = max(q.lastNum, num) // .bad and .ids too: numbers are never used again
		}
	}
	for _, num := range directory.Segments(names) {
		s := newSeg(q.dir, num)
		s.end.Store(math.MaxUint32)
		if fi, err := os.Stat(s.Path); err == nil {
			s.disk = disk.Used(fi)
		}
		q.segs = append(q.segs, s)
	}
}
