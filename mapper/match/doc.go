// Package match normalises the values of match keys for hashing, and explains what it rejects.
// Normalise returns the normal form of a raw value, SumOf its SHA-256. Table lists for each key
// its names in the mapping and in the two formats, and the sources of its values.
//
// The package is pure. A value that identifies no customer, or has more than one reading, is
// rejected with a code and an explanation that never contains the value.
//
// Caution: the same person must have the same hash in every channel at all times. A rule that
// changes a normal form changes what is sent (mapper.Encoding). The shortcuts in fast.go and
// phone_fast.go are used when no trace is requested. They must give the same results as the
// general code; FuzzQuickKeys compares them. A value that arrived as a hash has no normal form;
// Value.Hashed reports this.
package match
