// Package spool stores events from files: files that people import, and files that tills drop
// into a directory because they can do nothing else. Package rows reads the rows of a file.
//
//	FILE ──survey──► key, encoding, format, a digest of each MiB   (one pass over the file)
//	     ──check───► the first 1,000 rows                         (nothing is stored yet)
//	     ──store───► Append, up to 500 rows or 1 MiB at a time
//	                   └─► state file: rows processed so far, and their counts
//
//	DIR/sales.csv ──rename──► DIR/.work/CLAIM/sales.csv ──stored──► DIR/done/sales.csv
//	                                      state.json
//	                                      report.jsonl  ──────────► DIR/refused/sales.csv.CLAIM.jsonl
//
// # What it guarantees
//
//   - If a file is rewritten while it is read, nothing is stored that the survey has not seen.
//   - The wrong file (columns, separator, encoding, not JSON, one that the mapping does not fit)
//     is refused before any of it is stored.
//   - An unusable row never stops the others: it goes to the report with its number and the
//     reason.
//   - A row is stored once, however often work on its file is interrupted. A row without a
//     messageId gets an id made of the file's key and its row number, with which the queue
//     de-duplicates rows repeated after a crash. The key of an imported file is a digest of its
//     content, so the same file again is the same events; that of a dropped file is the random
//     name of its claim, so two equal files are two files.
//   - A dropped file is taken when it is complete: it has not changed for two seconds (ten if
//     its last line has no line end), no program has it open for writing as far as the system
//     reports that, and it is not empty. It is moved to done only after the queue has confirmed
//     all of it, and only if it is still unchanged; every move is synced. Everything in done
//     has been stored.
//   - A file during which the process ended three times without progress is moved to refused.
//     A file that waits, for the queue or while a smaller file is stored, is not.
//   - Status reports the files in the directory that are not taken.
//   - Files are taken oldest first, large ones last. Files much smaller than the one being
//     stored are taken meanwhile.
//   - Files are only accessed through os.Root, and only relay's own directories are used. Kept
//     files are readable by relay's user alone, and are sealed if there is a Ring.
//   - The log shows only the shape of a file name that could be a person's.
//
// # What can hurt you
//
// The queue remembers ids only for its window (a day by default; those of a Layout.ID for
// queue.SaleWindow). A crash between Append and the state file, followed by a pause longer than
// that, repeats up to one batch of rows that have no messageId or whose id was forgotten.
//
// Where the system does not report writers (anything but Linux, network file systems, files of
// other users), a till that keeps a file open, pauses for more than two seconds after a line end
// and then continues, loses what it writes after the file was moved to done: write under another
// name and rename.
package spool
