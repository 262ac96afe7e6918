package match

import (
	"slices"

	"relay/internal/meta"
)

// Key is a match key that a mapping can name, as an index of Table.
type Key int

// The match keys that the code refers to.
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

// Count is the number of match keys.
const Count = Key(len(meta.MatchKeys))

// Table has a row for each key: its names in the mapping and in the two formats, and its
// default sources.
var Table = &meta.MatchKeys

// Hashed reports whether the values of the key are sent as hashes.
func (k Key) Hashed() bool { return Table[k].Hash != meta.Unhashed }

// SumOf returns the digest of a value, or the zero digest if the key is not hashed.
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

// KeySet is a bit set of keys.
type KeySet uint32

// WeakSets are the sets of keys that Meta refuses if an event has no other keys.
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
