// Package seal holds the keys of an installation.
//
// Secret is 32 random bytes that an installation makes once, in its data
// directory. Fingerprints that must be the same tomorrow, and mean nothing to
// whoever lacks it, are keyed with it (HMAC). It is part of every backup of the
// directory. Who has the data directory has it: it protects what leaves the
// directory, and a receipt read alone, not the directory itself.
//
// The package imports nothing of relay's but disk.
package seal
