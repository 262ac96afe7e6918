package match

// Found is one usable value of a key.
type Found struct {
	Value
	Sum Digest // SHA-256 of the normal form, or the hash it came as
}

// Keys are the usable values of each key of an event.
type Keys [Count][]Found
