// Package spool takes events from files: those somebody imports, and those
// that tills drop into a directory because they can do nothing else. What rows a file
// holds is package rows.
//
//	FILE ──survey──► key, encoding, format, a digest of each MiB   (one pass over the file)
//	     ──check───► the first 1,000 rows                         (nothing is stored yet)
//	     ──store───► Append, up to 500 rows or 1 MiB at a time
//	                   └─► state file: rows behind us, and how they fared
//
//	DIR/sales.csv ──rename──► DIR/.work/CLAIM/sales.csv ──stored──► DIR/done/sales.csv
//	                                      state.json
//	                                      report.jsonl  ──────────► DIR/refused/sales.csv.CLAIM.jsonl
//
// # What it guarantees
//
//   - Of a file that is written anew while it is read nothing is stored that the
//     survey has not seen.
//   - A file that is the wrong one (columns, separator, encoding, not JSON) is
//     refused before anything of it is stored.
//   - A row that cannot be used never stops the others: it goes to the report
//     with its number and the reason.
//   - A row is stored once, however often the work on its file is interrupted.
//     A row without messageId gets an id made of the file's key and its
//     number; the queue de-duplicates by it what a crash made us repeat. An
//     imported file's key is a digest of its content, so the same file again
//     is the same events; a dropped file's is the random name of its claim, so
//     two equal files are two files.
//   - A dropped file is taken when it is complete: it has not changed for two
//     seconds (ten when its last line has no end), nobody has it open for writing as
//     far as the system says, and it is not empty. It is moved to done only after
//     the queue has confirmed all of it, if it is then still what it was; every move
//     is synced. Nothing in done has not been stored.
//   - A file that the process ended three times over, each time without getting on,
//     is moved to refused. One that waits, for the queue or while a smaller file is
//     stored, is not.
//   - What lies in the directory and is not taken is in Status.
//   - Files are taken oldest first, large ones last; those that are much smaller than
//     one that is being stored are taken meanwhile.
//   - Nothing is reached but through os.Root, and only relay's own directories are
//     used; what stays is readable to relay's user alone, and sealed with a Ring.
//   - The log shows a file's name by its shape where that may be a person's.
//
// # What can hurt you
//
// The queue remembers ids for its window only (a day by default; those of a Layout.ID
// for queue.SaleWindow). A crash in the moment between Append and the state file,
// followed by a longer pause than that, repeats up to one batch of rows that have no
// messageId of their own or whose id was forgotten.
//
// Where the system does not say who writes (other than Linux, network file systems,
// files of other users), a till that keeps a file open, pauses for longer than two
// seconds behind the end of a line and then writes on, loses what it writes after the
// file was done: write under another name and rename.
package spool
