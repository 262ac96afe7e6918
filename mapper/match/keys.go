package match

// Key is one of the match keys that a mapping can name.
type Key int

// The match keys, in the order of Table.
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
	Count
)

// Table is docs/contract.md 5.2: what a key is called in the mapping and in the two
// formats, and where it comes from unless the mapping says otherwise.
var Table = [Count]struct {
	Name, Conversions, Offline string
	Several                    bool // may have several values; else the first of a list counts
	Sources                    []string
}{
	Email:      {"email", "em", "email", true, []string{"context.traits.email", "traits.email"}},
	Phone:      {"phone", "ph", "phone", true, []string{"context.traits.phone", "traits.phone"}},
	keyGender:  {"gender", "ge", "gen", true, []string{"context.traits.gender", "traits.gender"}},
	FirstName:  {"first_name", "fn", "fn", true, []string{"context.traits.firstName", "context.traits.name", "traits.firstName", "traits.name"}},
	LastName:   {"last_name", "ln", "ln", true, []string{"context.traits.lastName", "context.traits.name", "traits.lastName", "traits.name"}},
	City:       {"city", "ct", "ct", true, addressSources("city")},
	State:      {"state", "st", "st", true, addressSources("state")},
	Zip:        {"zip", "zp", "zip", true, addressSources("postalCode")},
	Country:    {"country", "country", "country", true, addressSources("country")},
	ExternalID: {"external_id", "external_id", "extern_id", true, []string{"userId"}},
	LeadID: {"lead_id", "lead_id", "lead_id", false, []string{
		`integrations["Facebook Offline Conversions"].leadId`, `context["Facebook Offline Conversions"].leadId`,
	}},
	BirthDate: {"date_of_birth", "db", "dob", true, nil},
	Madid:     {"madid", "madid", "madid", false, nil},
}

// addressSources are the places of a part of an address.
func addressSources(name string) []string {
	return []string{"context.traits.address." + name, "traits.address." + name, "context.traits." + name, "traits." + name}
}

// Hashed says whether the values of a key leave as hashes.
func (k Key) Hashed() bool { return k != LeadID && k != Madid }

// SumOf is the digest of a value; one that is not hashed has none.
func SumOf(k Key, v Value) (d Digest) {
	switch {
	case !k.Hashed():
	case v.Hashed:
		copy(d[:], v.Form)
	default:
		d = DigestOf(v.Form)
	}
	return d
}

// KeySet is a set of keys, a bit each.
type KeySet uint16

func keysOf(list ...Key) (set KeySet) {
	for _, k := range list {
		set |= 1 << k
	}
	return set
}

// WeakSets are the sets of keys that Meta refuses when an event has no others
// (docs/meta.md 3.4).
var WeakSets = []KeySet{
	keysOf(City, Country, State, Zip, keyGender),
	keysOf(BirthDate),
	keysOf(FirstName, keyGender),
	keysOf(LastName, keyGender),
}
