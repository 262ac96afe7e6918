package match

// ValueSum is one usable value of a key with its digest.
type ValueSum struct {
	Value
	Sum Digest // SHA-256 of the normal form, or the hash that arrived
}

// ValuesByKey holds the usable values of an event for each key.
type ValuesByKey [Count][]ValueSum
