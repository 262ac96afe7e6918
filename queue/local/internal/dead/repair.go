package dead

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"

	bolt "go.etcd.io/bbolt"
)

// Repair is the result of repairing a damaged file, which is kept under another name.
type Repair struct {
	Saved int64
	Lost  int64 // at least
	Exact bool  // Lost is exact
	Cause error
}

// content is what verify found in a file.
type content struct {
	all, share tally
	bad        int64  // damaged rows
	letters    uint64 // sum over bucket letters of the hash of number and key
	order      uint64 // the same over bucket order: equal if both buckets match
	void       map[string]map[string]bool
}

// hasBadRows reports whether rows are damaged or missing although the tree is intact.
func (c *content) hasBadRows() bool { return c.bad > 0 || c.letters != c.order }

func pairSum(number, key []byte) uint64 {
	h := fnv.New64a()
	h.Write(number)
	h.Write(key)
	return h.Sum64()
}

// verify reads all of the file without trusting it. It returns seal.ErrDamaged if the tree
// is damaged.
func (s *Store) verify() (content, error) {
	var found content
	header := false
	err := s.o.Files.Walk(s.path, buckets, func() func(bucket string, k, v []byte) error {
		found, header = content{void: make(map[string]map[string]bool)}, false
		return func(bucket string, k, v []byte) error {
			switch bucket {
			case string(bucketHeader):
				header = true
				return s.o.Format(v)
			case string(bucketOrder):
				found.order += pairSum(k, v)
				return nil
			}
			r, err := decodeRow(k, v)
			if err != nil {
				found.bad++
				return nil
			}
			t := tally{1, int64(len(v))}
			found.all.add(t)
			found.letters += pairSum(numberKey(r.number), k)
			lane, _, _, _ := splitKey(k)
			if lane == s.o.ShareOf {
				found.share.add(t)
			}
			if s.isVoid(lane, r.settlement) {
				if found.void[lane] == nil {
					found.void[lane] = make(map[string]bool)
				}
				found.void[lane][string(k)] = true
			}
			return nil
		}
	})
	if err == nil && !header {
		err = damaged("file has no header")
	}
	return found, err
}

// isVoid reports whether a settlement did not commit: its number is higher than that of the
// lane's last committed settlement. If the lane's row was lost, numbering restarted with
// another upper half, and the old letters are valid.
func (s *Store) isVoid(lane string, settlement uint64) bool {
	last, ok := s.o.Committed(lane)
	return ok && settlement>>32 == last>>32 && settlement > last
}

// repair replaces a damaged file with a copy of what is readable. With treeIntact it copies
// the tree and searches the file only for rows that are missing in it. Otherwise it
// searches for all rows, and removed letters can come back.
func (s *Store) repair(cause error, treeIntact bool) error {
	_ = s.close()
	missing := make(map[string]bool)
	listed, first, all := int64(0), uint64(0), true
	err := s.rebuild(func(put func(k []byte, r row) error) (err error) {
		if treeIntact {
			listed, first, err = s.salvageTree(missing, put)
			switch {
			case isDamaged(err): // bbolt fails on a tree that Walk accepted
				treeIntact = false
			case err != nil || len(missing) == 0:
				return err
			}
		}
		err = scan(s.path, func(k []byte, r row) error {
			if treeIntact && !missing[string(k)] {
				return nil
			}
			return put(k, r)
		})
		if errors.Is(err, errScanCost) {
			all = false
			return nil
		}
		return err
	}, func(used uint64) (uint64, error) {
		first = max(first, used)
		if !treeIntact && first > 0 { // higher numbers can have been used
			first = (first>>32 + 1) << 32
		}
		return cmp.Or(first, s.o.First), s.o.Files.KeepCopy(s.path)
	})
	if err != nil {
		return fmt.Errorf("repair dead letters: %w", err)
	}
	if s.o.Repaired != nil {
		saved := s.rows.Load()
		s.o.Repaired(Repair{Saved: saved, Lost: max(0, listed-saved), Exact: treeIntact && all, Cause: cause})
	}
	return nil
}

// salvageTree puts the intact rows of a file with an intact tree, and adds the keys of the
// other rows to missing. It returns how many letters the file lists, and the next number.
func (s *Store) salvageTree(missing map[string]bool, put func(k []byte, r row) error) (listed int64, next uint64, err error) {
	db, err := s.o.Files.Open(s.path)
	if err != nil {
		return 0, 0, err
	}
	err = db.View(func(tx *bolt.Tx) error {
		letters, order := tx.Bucket(bucketLetters), tx.Bucket(bucketOrder)
		next = order.Sequence()
		if err := letters.ForEach(func(k, v []byte) error {
			r, err := decodeRow(k, v)
			if err != nil {
				missing[string(k)] = true
				return nil
			}
			return put(k, r)
		}); err != nil {
			return err
		}
		return order.ForEach(func(_, k []byte) error {
			listed++
			if letters.Get(k) == nil {
				missing[string(k)] = true
			}
			return nil
		})
	})
	return listed, next, errors.Join(err, db.Close())
}
