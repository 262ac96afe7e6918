// Package receipts is the ledger of what was delivered: "was this sale sent,
// when, to which event set, and what did Meta say".
//
//	receipts/
//	  0000000000000001.log   full, kept until the ledger is over its bound
//	  0000000000000002.log   being appended to
//
//	file    magic "RLYR" | version u8 | 3 zero bytes | record …
//	record  length u32 | codec u8 | CRC-32C of both and of their place u32 | CRC-32C of the payload u32 | payload
//	payload one accepted request as JSON, compressed with zstd, as
//	        seal.Ring.Seal stores it: bound to file and offset
//
// What it guarantees:
//
//   - A receipt is handed to the operating system before the lane settles:
//     it survives a kill of the process. A power cut may cost the receipts of
//     the last second, never an older one.
//   - A flipped bit costs the record it lies in, wherever that is; so does a key
//     that is not given. A torn end is cut off when the ledger is opened for
//     writing. What cannot be read is said.
//   - The ledger is bounded: the oldest file goes when it is over its size.
//   - A ledger that cannot be written holds back no delivery; it is said once
//     in the log, and counted.
//
// What can hurt you:
//
//   - After a crash between answer and settlement the same request is
//     delivered, and recorded, twice; both entries name the same request.
//   - A receipt holds no personal data but fingerprints of the e-mail
//     addresses, phone numbers and ids that were sent (mapper.Outcome.People),
//     and 6-byte ones of at most 64 other tokens of the event (Options.Tokens),
//     so that a person can be forgotten. They are keyed with the secret of the
//     installation: without it they say nothing, and nobody is found by them.
//   - Find reads the whole ledger: some hundred milliseconds for 64 MiB.
package receipts
