// Package local is the engine of package queue on one machine's disk: a log of
// segment files, each a bbolt file, in one directory. Records are appended once,
// read by any number of lanes at their own pace, and given back to the disk when
// every lane they are for has settled them.
//
// # What it guarantees
//
// Append returns nil only after the disk has confirmed a sync of the records:
// they survive kill -9 and a power cut. It stores all of its entries or none.
// An id is stored once within the window of Options.DedupWindow and
// DedupIDs, across restarts; about a quarter of the window longer, for ids are
// forgotten by the file (package ids). Those of a segment that is lost go with it. A lane reads its records in the order of their
// sequence numbers. Settle makes dead letters durable before the cursor that
// passes their records, so that a crash repeats work and never loses it. A lane has
// one letter for a record and slot, however often its settlement is made; a letter
// is seen once its settlement has committed, and removed if it never does.
//
// What is lost nevertheless is counted: chunks a disk has damaged, segments whose
// file someone removed, and what a policy or an operator removed (Stats).
//
// # What can hurt you
//
// A commit that fails is in doubt: the kernel may have dropped the pages, or
// not. Its range of sequence numbers is void from then on, also after a
// restart, and its ids count as not stored; the caller gets ErrDoubt, its retry
// is stored afresh, in a new segment.
//
// Stats, Lanes and CanAppend never touch the disk. Read and Settle give up
// after Options.IOTimeout when it hangs, Append with its context; a
// Settle that gave up may still happen.
//
// Loss of meta.db costs duplicates: every lane starts over at the oldest
// segment. It costs no event and no dead letter: a lane that starts over counts
// its settlements from another number, and letters of the old ones are valid.
//
// The directory must be on a local disk that syncs when it is told to. One
// process writes it at a time.
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
//	  reserve                 room for cursors on a volume that a neighbour fills
//	  *.bad                   quarantined because it was damaged
//	  *.tmp                   being made; removed at the next open
//
// A sequence number is segment << 32 | index; numbers are never used again,
// neither are those of segments. A segment is a bbolt file of chunks (package segment).
// A chunk is what one group commit stored, or about 1 MiB of it; package chunk
// draws it. Its ids are SHA-256(secret · space · id), cut to 16 bytes, each with
// the fingerprint of its event (package ids). A chunk never
// changes: its key always means the same bytes, whichever page they are found on.
// Each begins where the one before ends; the summary counts the numbers that are
// missing since a disk destroyed their chunks.
//
// meta.db lists the ids of the keys in use (package meta): a start without one of them
// is refused before anything is touched. A new key comes into force while the
// queue goes on (SetKeys); what older ones sealed, or none, is sealed anew behind it.
//
// Directories of each released format, as they were written when it was new, lie
// in testdata/format-N and are opened by a test for ever. A newer format is
// refused before a byte of the directory changes, and so is format 1, which was
// never released.
//
// # One sync
//
// bbolt syncs twice a commit, pages before the meta page that leads to them. The
// tail is synced once, after both. If the power goes in between, the new meta
// page may be on disk without its pages; the pages of the commit before are
// whole, since bbolt writes over none of them, and the other meta page leads to
// them. So an old tail is never given to bbolt before every page and checksum of
// it was read (packages boltscan and segment); one that is torn is rewritten from the
// chunks that are whole. What was confirmed was synced with its own meta page
// and is among them.
package local
