// Package track says what a Segment message is, before anybody asks where it
// goes: whether it is a usable track call, what its event is called, which id it
// has, and which bytes of it are stored. Intake, files, imports, dry runs and the
// admin API all ask here, so that they cannot disagree.
//
//	body ──Scan──► messages ──Take──► Message{Body, Event, ID, Flags} or its Problem
//	       one pass:            │ rewrite: repeated names, NaN
//	       grammar, ranges,     └ merge:   what the batch says for all
//	       repeated names
//
// # What it guarantees
//
//   - Body is valid JSON in valid UTF-8, no object in it has two members of one
//     name, and no number is NaN. Every later reader of an event therefore reads
//     the same event. (The body of an unusable message may be anything that can be
//     said in JSON.)
//   - Body is what arrived, byte for byte, with these exceptions, each of which is
//     told by a flag or leaves no doubt: the batch's context, integrations and
//     sentAt are merged in (FlagMerged); of members with one name the last stays
//     (FlagRepeated); a bare NaN, Infinity or -Infinity becomes null (FlagNaN);
//     text that is no UTF-8 is made UTF-8 (see Text); a write key is overwritten
//     with asterisks, because no secret may lie in the queue.
//   - Time and memory are in proportion to the body. What merging makes of a batch
//     is known before a byte of it is written (Reader.Room), and is refused when it
//     is out of proportion. A single message that merging makes too large becomes
//     unusable by itself.
//
// # Strictness
//
// Scan accepts what RFC 8259 calls JSON, with no limit on nesting, and the three
// words that Python writes for numbers that are none. A message nested deeper
// than event.MaxDepth is unusable by itself. Names are case-sensitive. Numbers of any
// size stay the text they are. A byte order mark is the caller's to remove.
//
// # Text
//
// A body that is not valid UTF-8 is read as Windows-1252 if it holds no multi-byte
// UTF-8 at all (a till that was never told), else each stray byte becomes U+FFFD.
// Half a surrogate pair in a \u escape becomes \ufffd.
//
// # Why not jsontext
//
// jsontext finds the same ranges, but when it also looks for repeated names it
// takes a third to a half longer (BenchmarkScan). The scanner does both in one
// pass. FuzzScan holds it against jsontext.
package track
