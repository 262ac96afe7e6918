// Package localca makes a certificate authority of the shop's own and a
// certificate for relay, for clients that speak only https.
//
// # What it guarantees
//
//   - The authority is constrained by name to the hosts it was made for: whoever
//     trusts it trusts nothing else on the internet because of it.
//   - An authority that is there is kept; only the certificate is made again.
//   - Each file is written whole, keys readable to their owner alone. The key
//     is renamed into place before the certificate: a relay that reads in
//     between sees a pair that does not match and keeps the one it has.
//
// # What can hurt you
//
// Apple's systems refuse certificates that are good for more than 825 days.
package localca
