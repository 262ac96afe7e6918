package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"relay/internal/logs"
	"relay/internal/seal"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/segment"
)

// SetKeys puts another key in force while the queue goes on, as Options.Key and
// OldKeys would at the next Open. What lies there already is sealed anew in the
// background; Stats.KeysInUse says which old keys are still needed meanwhile.
// ErrKey: one of those is not given; nothing has changed then.
func (q *Queue) SetKeys(key []byte, old ...[]byte) error {
	if q.readOnly {
		return ErrReadOnly
	}
	keys, err := seal.NewKeys(key, old...)
	if err != nil {
		return fmt.Errorf("set keys: %w", err)
	}
	err = q.onTail(func(w *writer) error {
		before, cur := q.ring.Keys().Current(), keys.Current()
		inUse := q.meta.Keys()
		if before != 0 && cur == 0 {
			return fmt.Errorf("a sealed queue stays sealed: %w", ErrKey)
		}
		for _, id := range inUse {
			if err := keys.Opens(id); err != nil {
				return err
			}
		}
		if cur == before {
			q.ring.Use(keys)
			return nil
		}
		if len(inUse) == 0 {
			inUse = []uint32{0}
		}
		if !slices.Contains(inUse, cur) {
			inUse = append(inUse, cur)
		}
		if err := q.meta.SetKeys(inUse); err != nil {
			return err
		}
		q.ring.Use(keys)
		// The tail's header is sealed too: the next one's will be with the new key.
		if err := w.rotate(); err != nil {
			q.setBroken(err)
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set keys: %w", err)
	}
	return nil
}

// reseal seals one file anew that is not sealed with the key in force, and once
// there is none, lets the other keys go. The keeper calls it time and again.
func (q *Queue) reseal() {
	cur := q.ring.Keys().Current()
	listed := q.meta.Keys()
	old := slices.ContainsFunc(listed, func(id uint32) bool { return id != cur })
	q.mu.Lock()
	due := cur != 0 && !q.opening && q.hold == 0 && old
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	letters, err := q.dead.get()
	if !due || err != nil {
		return
	}
	for _, s := range segs {
		q.mu.Lock()
		skip, wait := s.gone || s.key == cur, s.failed != nil || !isClosed(s.ready)
		tail := s.tail
		q.mu.Unlock()
		if wait {
			return
		}
		if skip {
			continue
		}
		sealed, err := q.sealedBy(s, cur)
		if errors.Is(err, segment.ErrGone) {
			continue
		}
		if err == nil && !sealed {
			if tail { // from before the key changed: it cannot be, but for a failed rotation
				return
			}
			_, _, err = q.rewriteAs(s, func(*Record) bool { return true }, true)
			if err == nil {
				return // the next look finds it sealed
			}
		}
		if err != nil {
			q.o.Logger.Warn("cannot seal a segment with the new key", "code", logs.ResealFailed, "err", err)
			return
		}
		q.mu.Lock()
		s.key = cur
		q.mu.Unlock()
	}
	if err := letters.Reseal(); err != nil {
		q.o.Logger.Warn("cannot seal dead letters with the new key", "code", logs.ResealFailed, "err", err)
		return
	}
	if q.counters.now().BadFiles > 0 {
		return // what was quarantined may be sealed with any of them
	}
	if err := q.meta.Reseal(cur, listed); err != nil {
		q.o.Logger.Warn("cannot let old keys go", "code", logs.ResealFailed, "err", err)
		return
	}
	q.o.Logger.Info("everything in the queue is sealed with the key in force; it needs no older one, receipts of before do", "code", logs.Resealed, "key", fmt.Sprintf("%08x", cur))
}

// lacksKey says that the first chunk of a segment is sealed with a key that is
// not given.
func (q *Queue) lacksKey(num uint64) bool {
	id, ok := segment.FirstKey(segment.Path(q.dir, num))
	return ok && q.ring.Keys().Opens(id) != nil
}

// sealedBy says whether all of a segment is sealed with one key.
func (q *Queue) sealedBy(s *seg, id uint32) (bool, error) {
	info, err := segment.ReadInfo(s.Path)
	if err != nil {
		return false, err
	}
	if len(info.Secret) >= 4 && binary.LittleEndian.Uint32(info.Secret) != id {
		return false, nil
	}
	all := true
	err = q.chunks(s, 0, func(h *chunk.Header, _ func() ([]byte, []byte, error)) (bool, error) {
		all = h.KeyID == id
		return all, nil
	})
	return all, err
}
