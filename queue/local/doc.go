// Package local is the queue engine on one machine's disk: a log of segment files, each a
// bbolt file, in one directory. Records are appended once and read by any number of lanes at
// their own pace. A record's space is freed when every lane has settled it.
//
// # What it guarantees
//
// Append returns nil only after the disk has confirmed a sync of the records: they survive
// kill -9 and a power cut. It stores all of its entries or none. An id is stored once within
// Options.DedupWindow and DedupIDs, across restarts. Ids are forgotten a file at a time, so
// it takes up to a quarter of the window longer (package ids). The ids of a lost segment are
// lost with it. A lane reads its records in the order of their sequence numbers. Settle makes
// dead letters durable before the cursor that passes their records, so that a crash repeats
// work and never loses it. A lane has one letter for a record and slot, however often its
// settlement is made. A letter is visible once its settlement has committed, and is removed
// if it never does.
//
// Losses are counted in Stats: damaged chunks, segment files that someone removed, and what a
// policy or an operator removed.
//
// # What can hurt you
//
// A failed commit is in doubt: the kernel might have dropped the pages, or not. Its range of
// sequence numbers is void from then on, also after a restart, and its ids count as not
// stored. The caller gets ErrDoubt, and its retry is stored in a new segment.
//
// Stats, Lanes and CanAppend never touch the disk. If the disk hangs, Read and Settle return
// after Options.IOTimeout, and Append when its context ends; such a Settle can still happen.
//
// Losing meta.db costs duplicates: every lane starts over at the oldest segment. It costs no
// event and no dead letter: such a lane counts its settlements from another number, and
// letters of the old numbers stay valid.
//
// The directory must be on a local disk that honours syncs. Only one process can write it
// at a time.
//
// # On disk
//
//	data/
//	  lock                    flock; the process id of the owner
//	  meta.db                 bbolt: lanes, notes, void ranges, secret of the id hashes (package meta)
//	  0000000000000001.seg    bbolt: sealed, being drained
//	  0000000000000002.seg    bbolt: the tail, being written
//	  0000000000000001.ids    sorted id hashes of sealed segments, kept for the window
//	  0000000000000001.sales  the same of sales (queue.BySale), which are remembered for longer
//	  dead.db                 bbolt: dead letters, one row each (package dead)
//	  secret                  of the installation (package seal); not the queue's, but in its backups
//	  reserve                 space for cursors on a volume that other files fill
//	  *.bad                   a quarantined, damaged file
//	  *.tmp                   being written; removed at the next open
//
// A sequence number is segment << 32 | index. Neither sequence numbers nor segment numbers
// are reused. A segment is a bbolt file of chunks (package segment). A chunk is the records
// of one group commit, or about 1 MiB of them; package chunk draws it. Its ids are
// SHA-256(secret · space · id), cut to 16 bytes, each with the fingerprint of its event
// (package ids). A chunk never changes: its key always means the same bytes, whichever page
// they are on. Each chunk begins where the previous one ends; the summary counts the
// sequence numbers of chunks that a disk destroyed.
//
// meta.db lists the ids of the keys in use (package meta): a start without one of them is
// refused before anything is changed. SetKeys changes the key of an open queue; data that
// is plain or has an older key is then encrypted again in the background.
//
// testdata/format-N contains directories of each released format, written when it was new.
// A test opens them. Newer formats, and format 1, which was never released, are refused
// before a byte of the directory changes.
//
// # One sync
//
// bbolt syncs twice per commit: first pages, then the meta page that leads to them. relay
// syncs the tail once, after both. After a power cut in between, the new meta page can be on
// disk without its pages. The pages of the previous commit are intact, since bbolt overwrites
// none of them, and the other meta page leads to them. So bbolt does not open an old tail
// before every page and checksum of it was read (packages boltscan and segment), and a torn
// tail is rewritten from its intact chunks. Confirmed records are among them, since they were
// synced together with their own meta page.
package local
