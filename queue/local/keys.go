package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/internal/logs"
	"relay/internal/seal"
	"relay/queue/local/internal/chunk"
	"relay/queue/local/internal/files"
)

// meta.db lists the keys that something in the directory is sealed with, so
// that a start without one of them can be refused before anything is touched;
// 0 stands for what is plain. A key that comes to be in force is on that list
// before it seals anything; what others sealed is then sealed anew, a file at a
// time, and the others leave the list.

// recordKey puts the key in force on the list. meta.db, which m is and c was
// read from, is written anew with it: a row that is only replaced would linger
// in a free page as it was.
func (q *Queue) recordKey(m *metaStore, c metaContent) (*metaStore, error) {
	info, err := checkMeta(filepath.Join(q.dir, metaName))
	if err != nil {
		_ = m.db.Close()
		return nil, fmt.Errorf("read meta.db: %w", err)
	}
	if cur := q.ring.Keys().Current(); cur != 0 && !q.readOnly && !slices.Contains(info.Keys, cur) {
		if len(info.Keys) == 0 {
			info.Keys = []uint32{0}
		}
		info.Keys = append(info.Keys, cur)
		_ = m.db.Close()
		if err := writeMeta(q.dir, q.ring, c, info, q.o.NoSync); err != nil {
			return nil, err
		}
		if m, _, err = loadMeta(q.dir, q.ring, false, q.o.NoSync); err != nil {
			return nil, fmt.Errorf("open meta.db: %w", err)
		}
	}
	q.keysInUse = info.Keys
	return m, nil
}

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
		q.mu.Lock()
		inUse := slices.Clone(q.keysInUse)
		q.mu.Unlock()
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
		if err := q.saveKeys(inUse); err != nil {
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

// saveKeys replaces the list, and seals the rows of meta.db with the key in force.
func (q *Queue) saveKeys(ids []uint32) error {
	err := q.meta.update(func(tx *bolt.Tx) error {
		for _, name := range metaBuckets {
			rows := make(map[string][]byte)
			if err := tx.Bucket(name).ForEach(func(k, v []byte) error {
				if plain, err := openRow(q.ring, name, k, v); err == nil {
					rows[string(k)] = slices.Clone(plain)
				}
				return nil
			}); err != nil {
				return err
			}
			for k, v := range rows {
				if err := putRow(tx, q.ring, name, []byte(k), v); err != nil {
					return err
				}
			}
		}
		return putInfo(tx, metaInfo{Format: files.Version, Sum: files.FormatSum(files.Version), Keys: ids})
	})
	if err != nil {
		return err
	}
	q.mu.Lock()
	q.keysInUse = ids
	q.mu.Unlock()
	return nil
}

// reseal seals one file anew that is not sealed with the key in force, and once
// there is none, lets the other keys go. The keeper calls it time and again.
func (q *Queue) reseal() {
	cur := q.ring.Keys().Current()
	q.mu.Lock()
	due := cur != 0 && !q.opening && q.hold == 0 && slices.ContainsFunc(q.keysInUse, func(id uint32) bool { return id != cur })
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
		if errors.Is(err, errGone) {
			continue
		}
		if err == nil && !sealed {
			if tail { // from before the key changed: it cannot be, but for a failed rotation
				return
			}
			_, err = q.rewriteAs(s, func(*Record) bool { return true }, true)
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
	q.mu.Lock()
	bad := q.count.BadFiles
	q.mu.Unlock()
	if bad > 0 {
		return // what was set aside may be sealed with any of them
	}
	if err := q.saveKeys([]uint32{cur}); err != nil {
		q.o.Logger.Warn("cannot let old keys go", "code", logs.ResealFailed, "err", err)
		return
	}
	q.o.Logger.Info("everything in the queue is sealed with the key in force; older ones are not needed any more", "code", logs.Resealed, "key", fmt.Sprintf("%08x", cur))
}

// sealedBy says whether all of a segment is sealed with one key.
func (q *Queue) sealedBy(s *segment, id uint32) (bool, error) {
	info, err := readSegInfo(s.path)
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
