// Package rows says which events a file holds: JSON lines, JSON values and tables, one
// row at a time, each with what is wrong with it. It knows no directory and no queue, and
// writes no file.
//
//	NewFile ──Survey──► encoding, format, digests   (one pass over the file)
//	        ──Rows────► Next, Next, … io.EOF        (each pass compares what it reads)
//
// # What it guarantees
//
//   - A file is read as it was at the survey: each later pass compares what it reads with
//     the digests, and ends with ErrChanged before it hands out anything else.
//   - A row that cannot be used never ends the file: it is a Row with Bad.
//   - A file costs memory in proportion to its longest row, and time in proportion to its
//     size, whatever quotes and brackets are in it.
//   - Forget leaves out a row where it is about a person as the event that would be stored
//     of it, and copies every other one as it stands.
//
// # What a row is
//
// JSON lines: one Segment track call a line. CSV: headers that are a message's own
// names (`event`, `timestamp`) or lie below its members (`context.traits.email`,
// `properties.products[0].price`) are places of the event; every other one, dots and
// brackets included, is a property of that name. A Layout says otherwise, column by
// column. Cells are text, without the marks of spreadsheets (="01101", an apostrophe
// before a number); below properties a plain number is a number; below
// context.consent and integrations true and false are what they say; a cell
// that is a JSON object or list is one. Empty cells are absent.
//
// A quote that is not doubled, or never closes, costs the line it is in at most.
//
// Files are UTF-8 with or without byte order mark, UTF-16, in the encoding that a Layout
// names, or else Windows-1252: one that looks like another is not read by a guess
// (Survey.Unclear). Each may be packed with gzip. Lines end with LF, CRLF or CR.
//
// # What can hurt you
//
// Row.Msg is valid until the next row. A PrivateError may repeat what is in the file: of
// it, log Words alone.
package rows
