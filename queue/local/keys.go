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

// SetKeys replaces the keys of the open queue, like Options.Key and OldKeys at the next Open.
// Existing data is encrypted with the new key in the background; Stats.KeysInUse contains the
// old keys needed until then. On ErrKey one of the keys in use is not given, and nothing has
// changed.
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
			return fmt.Errorf("an encrypted queue must stay encrypted: %w", ErrKey)
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
		// The tail's header is encrypted too: start a tail with the new key.
		if err := w.rotate(); err != nil {
			q.markBroken(err)
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set keys: %w", err)
	}
	return nil
}

// reseal encrypts one file that is not encrypted with the current key. Once there is none it
// removes the other keys from the list. It is called every second.
func (q *Queue) reseal() {
	cur := q.ring.Keys().Current()
	listed := q.meta.Keys()
	old := slices.ContainsFunc(listed, func(id uint32) bool { return id != cur })
	q.mu.Lock()
	due := cur != 0 && !q.opening && q.backups == 0 && old
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	letters, err := q.dead.opened()
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
			if tail { // the tail has an old key only if rotating it failed
				return
			}
			_, _, err = q.rewriteAs(s, func(*Record) bool { return true }, true)
			if err == nil {
				return // the next call finds it done
			}
		}
		if err != nil {
			q.o.Logger.Warn("cannot encrypt a segment with the new key", "code", logs.ResealFailed, "err", err)
			return
		}
		q.mu.Lock()
		s.key = cur
		q.mu.Unlock()
	}
	if err := letters.Reseal(); err != nil {
		q.o.Logger.Warn("cannot encrypt dead letters with the new key", "code", logs.ResealFailed, "err", err)
		return
	}
	if q.counters.snapshot().BadFiles > 0 {
		return // quarantined files can be encrypted with any of them
	}
	if err := q.meta.Reseal(cur, listed); err != nil {
		q.o.Logger.Warn("cannot remove old keys from the list", "code", logs.ResealFailed, "err", err)
		return
	}
	q.o.Logger.Info("everything in the queue is encrypted with the current key; only receipts written before still need older keys", "code", logs.Resealed, "key", fmt.Sprintf("%08x", cur))
}

// lacksKey reports whether the first chunk of a segment is encrypted with a key that was not
// given.
func (q *Queue) lacksKey(num uint64) bool {
	id, ok := segment.FirstKey(segment.Path(q.dir, num))
	return ok && q.ring.Keys().Opens(id) != nil
}

// sealedBy reports whether all of a segment is encrypted with key id.
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
