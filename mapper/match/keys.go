package match

import (
	"slices"

	"relay/internal/meta"
)

// Key is one of the match keys that a mapping can name.
type Key int

// The match keys that code speaks of, each at its place in Table.
const (
	Email Key = iota
	Phone
	keyGender
	FirstName
	LastName
	City
	State
	Zip
	Country
	ExternalID
	LeadID
	BirthDate
	Madid
)

// Count is how many there are.
const Count = Key(len(meta.MatchKeys))

// Table has the row of each: what a key is called in the mapping and in the two
// formats, and where it comes from unless the mapping says otherwise.
var Table = &meta.MatchKeys

// Hashed says whether the values of a key leave as hashes.
func (k Key) Hashed() bool { return Table[k].Hash != meta.Plain }

// SumOf is the digest of a value; one that is not hashed has none.
func SumOf(k Key, v Value) (d Digest) {
	switch {
	case !k.Hashed():
	case v.Hashed:
		copy(d[:], v.Form)
	default:
		d = digestOf(v.Form)
	}
	return d
}

// KeySet is a set of keys, a bit each.
type KeySet uint32

// WeakSets are the sets of keys that Meta refuses when an event has no others.
var WeakSets = func() (out []KeySet) {
	for _, weak := range meta.WeakSets() {
		var set KeySet
		for k := range Table {
			if slices.Contains(weak.Keys, Table[k].Conversions) {
				set |= 1 << k
			}
		}
		out = append(out, set)
	}
	return out
}()
