// Package localca makes a local certificate authority and a certificate for relay, for
// clients that require https.
//
// Guarantees:
//
//   - Name constraints limit the authority to the hosts it was made for, so a client that
//     trusts it trusts it for no other host.
//   - An existing authority is kept; only the certificate is made again.
//   - Each file is written completely or not at all, and only the owner can read keys. The
//     key is renamed into place before the certificate: a relay that reads in between gets
//     a pair that does not match, and keeps the pair it has.
//
// Hazard: Apple's systems refuse certificates that are valid for more than 825 days.
package localca
