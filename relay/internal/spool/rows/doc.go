// Package rows reads the events in a file: JSON lines, JSON values and tables, one row at a
// time, with the problem of each unusable row. It does not access directories or the queue, and
// writes no files.
//
//	NewFile ──Survey──► encoding, format, digests   (one pass over the file)
//	        ──Rows────► Next, Next, … io.EOF        (each pass compares what it reads)
//
// # What it guarantees
//
//   - A file is read as it was at the survey: each later pass compares what it reads with the
//     digests, and ends with ErrChanged before it returns anything else.
//   - An unusable row never ends the file: it is a Row with Bad.
//   - Memory is proportional to the longest row and time to the size of the file, whatever
//     quotes and brackets it contains.
//   - Forget removes a row if the event that would be stored for it is about the person, and
//     copies every other row unchanged.
//
// # What a row is
//
// JSON lines: one Segment track call a line. CSV: a header that is a field of a message
// (`event`, `timestamp`) or below one (`context.traits.email`,
// `properties.products[0].price`) is a path of the event; every other header, dots and brackets
// included, is a property of that name. A Layout overrides this, column by column. Cells are
// text, without the marks of spreadsheets (="01101", an apostrophe before a number). Below
// properties a plain number is a number; below context.consent and integrations, true and false
// are booleans; a cell that is a JSON object or list is one. Empty cells are absent.
//
// A quote that is not doubled or never closed costs at most the line it is in.
//
// Files are UTF-8 with or without byte order mark, UTF-16, in the encoding of the Layout, or
// Windows-1252. A file that looks like another encoding is not read by guessing
// (Survey.Unclear). Files can be packed with gzip. Lines end with LF, CRLF or CR.
//
// # What can hurt you
//
// Row.Msg is valid until the next row. A PrivateError can contain text of the file: log only
// its Words.
package rows
