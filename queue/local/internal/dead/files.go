package dead

import (
	"relay/queue/internal/format"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/files"
)

// Bolt are Files as all of the engine's are read.
type Bolt struct{ ReadOnly, NoSync bool }

// Open opens a file, or makes it.
func (f Bolt) Open(path string) (DB, error) {
	o := boltdb.WriteOptions(f.NoSync)
	o.ReadOnly = f.ReadOnly
	db, err := boltdb.Open(path, o)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Walk wants both meta pages: should one be damaged, the other may lead to the
// tree as it was before the newest letters.
func (Bolt) Walk(path string, buckets [][]byte, visit func() func(bucket string, k, v []byte) error) error {
	err := boltdb.ReadRetry(path, func(p *boltscan.File) error {
		if len(p.Metas()) < 2 {
			return format.Damaged("a meta page")
		}
		return p.WalkAll(p.Metas()[0], buckets, visit())
	})
	if boltdb.Unreadable(err) {
		err = format.Damaged("cannot be read: %v", err)
	}
	return err
}

// Keep gives a damaged file a second name.
func (Bolt) Keep(path string) error { return files.LinkOrCopy(path, files.QuarantinePath(path)) }
