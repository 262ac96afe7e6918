// Package track parses Segment messages: it decides whether a message is a usable track call,
// returns its event name and id, and determines the bytes that are stored. HTTP intake, file
// imports, dry runs and the admin API all use it, so that they cannot disagree.
//
//	body ──Scan──► messages ──Take──► Message{Body, Event, ID, Flags} or its Problem
//	       one pass:            │ rewrite: repeated names, NaN
//	       grammar, ranges,     └ merge:   the batch's shared members
//	       repeated names
//
// # What it guarantees
//
//   - Body is valid JSON in valid UTF-8, no object in it has two members of the same name,
//     and no number is NaN. Every later reader of an event therefore reads the same event.
//     (The body of an unusable message can be any JSON, or not even that.)
//   - Body is what arrived, byte for byte, with these exceptions, each of which is flagged or
//     unambiguous: the batch's context, integrations and sentAt are merged in (FlagMerged);
//     of members with the same name the last one is maxKept (FlagRepeated); a bare NaN, Infinity
//     or -Infinity becomes null (FlagNaN); text that is not UTF-8 is converted (see Text); a
//     write key is overwritten with asterisks, because no secret may be stored in the queue.
//   - Time and memory are proportional to the body. The size of a merged batch is computed
//     before anything is written (Reader.Room), and a batch that would grow out of
//     proportion is refused. A single message that becomes too large by merging is unusable
//     by itself; the others are not affected.
//
// # Strictness
//
// Scan accepts JSON as RFC 8259 defines it, without a limit on nesting, and the three words
// that Python writes for floats that are not numbers. A message nested deeper than
// event.MaxDepth is unusable by itself. Names are case-sensitive. Numbers of any size keep
// their text. The caller of Scan removes a byte order mark.
//
// # Text
//
// A body that is not valid UTF-8 is read as Windows-1252 if it contains no multi-byte UTF-8 at
// all (a till that was never configured). Otherwise each invalid byte becomes U+FFFD. Half a
// surrogate pair in a \u escape becomes \ufffd.
//
// # Why not jsontext
//
// jsontext finds the same ranges, but takes a third to a half longer if it also detects
// repeated names (BenchmarkScan). The scanner does both in one pass. FuzzScan compares it with
// jsontext.
package track
