// Package seal holds an installation's keys and encrypts what is on its disk.
//
// A Ring seals with the first key of the key file and opens with all of them. A sealed value opens
// only with its key, for its purpose, and at its place. Without a key nothing is sealed.
//
// Secret returns 32 random bytes that an installation creates once, in its data directory. They key
// the fingerprints (HMAC) that must stay the same over time but mean nothing without the secret.
// The secret is part of every backup of the directory, and anyone with the directory has it: it
// protects what leaves the directory, not the directory itself.
//
// The package imports no other package of relay except disk.
package seal
