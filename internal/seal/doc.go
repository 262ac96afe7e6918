// Package seal holds the keys of an installation, and seals what lies on its
// disk.
//
// A Ring seals with the newest of the keys in the key file and opens with all of
// them. What it seals opens only with its key, for its purpose, and at its place.
// Without a key nothing is sealed.
//
// Secret is 32 random bytes that an installation makes once, in its data
// directory. Fingerprints that must be the same tomorrow, and mean nothing to
// whoever lacks it, are keyed with it (HMAC). It is part of every backup of the
// directory. Who has the data directory has it: it protects what leaves the
// directory, not the directory itself.
//
// The package imports nothing of relay's but disk.
package seal
