package dead

import (
	"relay/queue/internal/format"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/files"
)

// Bolt implements Files with package boltdb.
type Bolt struct{ ReadOnly, NoSync bool }

// Open opens the file at path, or creates it.
func (f Bolt) Open(path string) (DB, error) {
	o := boltdb.WriteOptions(f.NoSync)
	o.ReadOnly = f.ReadOnly
	db, err := boltdb.Open(path, o)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Walk requires both meta pages to be valid: if the newer one were damaged, the older one
// would lead to the tree without the newest letters.
func (Bolt) Walk(path string, buckets [][]byte, visit func() func(bucket string, k, v []byte) error) error {
	err := boltdb.ReadRetry(path, func(p *boltscan.File) error {
		if len(p.Metas()) < 2 {
			return format.Damaged("a meta page is damaged")
		}
		return p.WalkAll(p.Metas()[0], buckets, visit())
	})
	if boltdb.Unreadable(err) {
		err = format.Damaged("cannot be read: %v", err)
	}
	return err
}

// KeepCopy keeps the damaged file at path under a second name.
func (Bolt) KeepCopy(path string) error { return files.LinkOrCopy(path, files.QuarantinePath(path)) }
