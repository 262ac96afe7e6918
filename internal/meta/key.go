package meta

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// Key is a member of user_data in the Conversions API, or of match_keys in the offline format
// (docs/meta.md 2.5, 3.1).
type Key struct {
	Name        string   // its name in a mapping; "": relay never sends it
	Conversions string   // its name in user_data; "": not in that format
	Offline     []string // its names in match_keys; several: the value is split
	Form        Form
	Hash        Hash
	Most        int      // number of values the offline format accepts; 0: one (docs/meta.md 3.2)
	Several     bool     // accepts several values; otherwise the first of a list counts
	From        []string // where relay finds it unless the mapping says otherwise; none: only with a mapping
	Web         bool     // about a web page visit: Meta marks it as invalid on a store event (docs/meta.md 2.6)
	Says        string   // description in the schema of a mapping
	Rule        string   // Meta's rule, for docs/meta.md
	Example     string   // normal form → SHA-256
	Fact
}

// Form is the required form of a key's value. Package mapper/match normalises the forms that are
// hashed; Fits checks the others.
type Form uint8

// The forms.
const (
	Text Form = iota
	ClickID
	Address // an internet address
	WholeNumber
	DeviceID
	LeadID
	OwnID
	Email
	Phone
	Gender
	Name
	City
	State2 // two letters, or a name
	Zip
	Country
	Date
	Digest // only produced by Meta's own libraries
)

// Hash says whether a key is sent as its SHA-256.
type Hash uint8

// Whether a key is hashed.
const (
	Unhashed Hash = iota
	Hashed        // in both formats
	ByFormat      // in the Conversions API, which also accepts it unhashed; unhashed in the offline format
)

// MatchKeys are the keys that relay normalises, in the order in which they are written. Constants
// of package mapper/match give the index of each key that code refers to; a new key is a row at the
// end. A change of From changes what is sent for events with these sources: raise mapper.Encoding
// with it (CONTRIBUTING.md has all steps).
var MatchKeys = [...]Key{
	{
		Name: "email", Conversions: "em", Offline: []string{"email"}, Form: Email, Hash: Hashed, Most: 3, Several: true,
		From:    []string{"context.traits.email", "traits.email"},
		Rule:    "trim, lower case",
		Example: "`john_smith@gmail.com` → 62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "phone", Conversions: "ph", Offline: []string{"phone"}, Form: Phone, Hash: Hashed, Most: 3, Several: true,
		From:    []string{"context.traits.phone", "traits.phone"},
		Rule:    "drop symbols, letters and leading zeros; **country code is required**",
		Example: "(650)555-1212 US → `16505551212` → e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "gender", Conversions: "ge", Offline: []string{"gen"}, Form: Gender, Hash: Hashed, Several: true,
		From:    []string{"context.traits.gender", "traits.gender"},
		Rule:    "one letter `f` / `m`",
		Example: "f → 252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111 ; m → 62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a (same values in UPL's accepted list)",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "first_name", Conversions: "fn", Offline: []string{"fn"}, Form: Name, Hash: Hashed, Several: true,
		From:    []string{"context.traits.firstName", "context.traits.name", "traits.firstName", "traits.name"},
		Rule:    "lower case, no punctuation; a–z recommended, else UTF-8",
		Example: "`mary` → 6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec ; `valéry` → 08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c (**only with composed é, NFC**; decomposed gives 0aac459e…) ; `정` → 8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "last_name", Conversions: "ln", Offline: []string{"ln"}, Form: Name, Hash: Hashed, Several: true,
		From: []string{"context.traits.lastName", "context.traits.name", "traits.lastName", "traits.name"},
		Rule: "as first name",
		Fact: Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "city", Conversions: "ct", Offline: []string{"ct"}, Form: City, Hash: Hashed, Several: true,
		From:    partOfAddress("city"),
		Rule:    "lower case, no punctuation, special characters or spaces; else UTF-8",
		Example: "`newyork` → 350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "state", Conversions: "st", Offline: []string{"st"}, Form: State2, Hash: Hashed, Several: true,
		From:    partOfAddress("state"),
		Rule:    "US: 2-letter code; elsewhere full, lower case, no punctuation/spaces",
		Example: "`ca` → 6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "zip", Conversions: "zp", Offline: []string{"zip"}, Form: Zip, Hash: Hashed, Several: true,
		From:    partOfAddress("postalCode"),
		Rule:    "lower case, no space, no dash; US first 5 digits; UK area+district+sector",
		Example: "`94035` → 1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e ; UK `m11ae` → 1dc694c2070e697769fb959b50671d76cafd430d8ca191fbdd0affcaea344ac5",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "country", Conversions: "country", Offline: []string{"country"}, Form: Country, Hash: Hashed, Several: true,
		From:    partOfAddress("country"),
		Rule:    "ISO 3166-1 alpha-2 lower case; always send",
		Example: "`us` → 79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "external_id", Conversions: "external_id", Offline: []string{"extern_id"}, Form: OwnID, Hash: ByFormat, Several: true,
		From: []string{"userId"},
		Rule: "hashing is recommended (CAPI); not hashed by Meta's legacy tool; same form in every channel",
		Fact: Fact{"M: CUS; C: UPL; T: SEED", "2026-09-12"},
	},
	{
		Name: "lead_id", Conversions: "lead_id", Offline: []string{"lead_id"}, Form: LeadID,
		From: []string{`integrations["Facebook Offline Conversions"].leadId`, `context["Facebook Offline Conversions"].leadId`},
		Says: `Default: leadId under integrations or context, ["Facebook Offline Conversions"]`,
		Rule: "integer (SDKs: string); digits, prefix `l:` stripped in UPL",
		Fact: Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "date_of_birth", Conversions: "db", Offline: []string{"doby", "dobm", "dobd"}, Form: Date, Hash: Hashed, Several: true,
		Says:    "No default: list a source to send it, such as context.traits.birthday",
		Rule:    "`YYYYMMDD`; year 1900…now. Legacy: 4 digits, 2 digits, 2 digits with leading zero; UPL accepts years 1900–2030",
		Example: "`19970216` → 01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c ; `01` → 938db8c9f82c8cb58d3f3ef4fd250036a48d26a712753d2fde5abd03a85cabf4",
		Fact:    Fact{"M: CUS; C: UPL", "2026-09-12"},
	},
	{
		Name: "madid", Conversions: "madid", Offline: []string{"madid"}, Form: DeviceID,
		Says: "The advertising id of a phone. No default: list a source to send it",
		Rule: "OFF: **not hashed**; CUS: silent. **Conflict**: PY and ND send it plain, UPL lower-cases and hashes it; so do RS, ST",
		Fact: Fact{"M: OFF, CUS; C: PY, ND", "2026-09-12"},
	},
}

// Identifiers are the keys that are sent unchanged and that no till has by itself: they are sent
// only if the mapping lists a source.
var Identifiers = [...]Key{
	{Name: "fbc", Conversions: "fbc", Offline: []string{"fbc"}, Form: ClickID, Web: true, Says: "Click id", Rule: "`fb.<subdomain index>.<ms>.<id>`", Fact: Fact{"M: CUS; T: RS", "2026-09-12"}},
	{Name: "fbp", Conversions: "fbp", Offline: []string{"fbp"}, Form: ClickID, Web: true, Says: "Browser id", Rule: "`fb.<subdomain index>.<ms>.<id>`", Fact: Fact{"M: CUS; T: RS", "2026-09-12"}},
	{Name: "client_ip_address", Conversions: "client_ip_address", Offline: []string{"client_ip_address"}, Form: Address, Web: true, Rule: "real IPv4/IPv6, no spaces", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "client_user_agent", Conversions: "client_user_agent", Offline: []string{"client_user_agent"}, Form: Text, Web: true, Fact: Fact{"M: CUS; T: RS", "2026-09-12"}},
	{Name: "subscription_id", Conversions: "subscription_id", Form: Text, Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "fb_login_id", Conversions: "fb_login_id", Form: WholeNumber, Rule: "integer (SDKs: string)", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "anon_id", Conversions: "anon_id", Form: Text, Says: "For app events", Rule: "install id, app events only", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "page_id", Conversions: "page_id", Form: Text, Says: "For messaging", Rule: "page of a bot or click-to-message ad", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "page_scoped_user_id", Conversions: "page_scoped_user_id", Form: Text, Says: "For messaging", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "ctwa_clid", Conversions: "ctwa_clid", Form: Text, Says: "For messaging", Rule: "click id of ads that open WhatsApp", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "ig_account_id", Conversions: "ig_account_id", Form: Text, Says: "For messaging", Fact: Fact{"M: CUS", "2026-09-12"}},
	{Name: "ig_sid", Conversions: "ig_sid", Form: Text, Says: "For messaging", Fact: Fact{"M: CUS", "2026-09-12"}},
}

// otherKeys are keys that Meta accepts and relay never sends.
var otherKeys = []Key{
	{Conversions: "doby", Form: Digest, Hash: Hashed, Rule: "SDK only", Fact: Fact{"C: PY, ND", "2026-11-26"}},
	{Conversions: "dobm", Form: Digest, Hash: Hashed, Rule: "SDK only", Fact: Fact{"C: PY, ND", "2026-11-26"}},
	{Conversions: "dobd", Form: Digest, Hash: Hashed, Rule: "SDK only", Fact: Fact{"C: PY, ND", "2026-11-26"}},
	{Conversions: "fi", Offline: []string{"fi"}, Form: Digest, Hash: Hashed, Rule: "first initial; SDK only", Fact: Fact{"C: PY, ND, UPL", "2026-11-26"}},
	{Conversions: "f5first", Offline: []string{"f5first"}, Form: Digest, Hash: Hashed, Rule: "first five characters, George → `georg`; SDK only", Fact: Fact{"C: PY, ND, UPL", "2026-11-26"}},
	{Conversions: "f5last", Offline: []string{"f5last"}, Form: Digest, Hash: Hashed, Rule: "first five characters; SDK only", Fact: Fact{"C: PY, ND, UPL", "2026-11-26"}},
	{Conversions: "app_user_id", Form: Digest, Hash: Hashed, Rule: "Node SDK only", Fact: Fact{"C: ND", "2026-11-26"}},
	{Conversions: "whatsapp_business_account_id", Form: Text, Rule: "needed with `ctwa_clid` for WhatsApp events; only in the messaging guide", Fact: Fact{"O: facebook-nodejs-business-sdk #305", "2026-11-26"}},
	{Offline: []string{"appuid"}, Form: Text, Fact: Fact{"C: UPL", "2026-11-26"}},
	{Offline: []string{"pageuid"}, Form: Text, Fact: Fact{"C: UPL", "2026-11-26"}},
}

// partOfAddress returns where a part of an address is found.
func partOfAddress(name string) []string {
	return []string{"context.traits.address." + name, "traits.address." + name, "context.traits." + name, "traits." + name}
}

// Keys returns every key that Meta accepts.
func Keys() []Key { return slices.Concat(MatchKeys[:], Identifiers[:], otherKeys) }

// WeakSet is a set of keys, by their names in user_data. Meta refuses an event whose keys are all
// in one such set (docs/meta.md 3.4).
type WeakSet struct {
	Keys []string
	Fact
}

var weakSets = []WeakSet{
	{[]string{"ct", "country", "st", "zp", "ge", "client_user_agent"}, Fact{"M: BST", "2026-09-12"}},
	{[]string{"db", "client_user_agent"}, Fact{"M: BST", "2026-09-12"}},
	{[]string{"fn", "ge"}, Fact{"M: BST", "2026-09-12"}},
	{[]string{"ln", "ge"}, Fact{"M: BST", "2026-09-12"}},
}

// WeakSets returns the weak sets.
func WeakSets() []WeakSet { return slices.Clone(weakSets) }

var clickForm = regexp.MustCompile(`^fb\.[0-9]+\.[0-9]+\..+$`)

// Fits reports whether text has the form of a key that is not hashed. Empty text never fits.
func (f Form) Fits(text string) bool {
	switch f {
	case ClickID:
		return clickForm.MatchString(text)
	case Address:
		a, err := netip.ParseAddr(text)
		return err == nil && a.Zone() == ""
	case WholeNumber, LeadID:
		n, err := strconv.ParseInt(text, 10, 64)
		return err == nil && n > 0
	}
	return text != ""
}

// String describes the form of a key that is not hashed.
func (f Form) String() string {
	switch f {
	case ClickID:
		return "of the form fb.1.<milliseconds>.<id>"
	case Address:
		return "an IPv4 or IPv6 address"
	case WholeNumber, LeadID:
		return "a whole number"
	}
	return "text"
}
