// Package receipts is the ledger of delivered conversions: was this sale sent, when, to
// which event set, and with which fbtrace_id.
//
//	receipts/
//	  0000000000000001.log   full, kept until the ledger exceeds its size
//	  0000000000000002.log   being appended to
//
//	file    magic "RLYR" | version u8 | 3 zero bytes | record …
//	record  length u32 | codec u8 | CRC-32C of both and of their place u32 | CRC-32C of the payload u32 | payload
//	payload one accepted request as JSON, compressed with zstd, as
//	        seal.Ring.Seal stores it: bound to file and offset
//
// What it guarantees:
//
//   - A receipt is written to the operating system before the lane settles: it survives a
//     kill of the process. A power failure can lose the receipts of the last second, never
//     an older one.
//   - A flipped bit costs only the record it is in; a missing key costs only the records
//     sealed with it. A torn end is cut off when the ledger is opened for writing. Unreadable
//     receipts are reported.
//   - The ledger is bounded: when it exceeds its size, the oldest file is deleted.
//   - A ledger that cannot be written delays no delivery. The failure is logged once, and
//     counted.
//
// What can hurt you:
//
//   - After a crash between answer and settlement the same request is delivered, and
//     recorded, twice; both entries have the same request id.
//   - A receipt holds no personal data except fingerprints of the e-mail addresses, phone
//     numbers and ids that were sent (mapper.Outcome.People), and 6-byte hashes of at most 64
//     other tokens of the event (Options.Tokens), so that a person can be forgotten. They are
//     keyed with the installation's secret: without it they reveal nothing and find nobody.
//   - Find reads the whole ledger: some hundred milliseconds for 64 MiB.
package receipts
