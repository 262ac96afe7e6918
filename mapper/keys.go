package mapper

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relay/mapper/event"
)

// keyID is one of the match keys that a mapping can name.
type keyID int

const (
	keyEmail keyID = iota
	keyPhone
	keyGender
	keyFirstName
	keyLastName
	keyCity
	keyState
	keyZip
	keyCountry
	keyExternalID
	keyLeadID
	keyBirthDate
	keyMadid
	keyCount
)

// keyTable is docs/contract.md 5.2: what a key is called in the mapping and in the two
// formats, and where it comes from unless the mapping says otherwise.
var keyTable = [keyCount]struct {
	name, conversions, offline string
	several                    bool // may have several values; else the first of a list counts
	sources                    []string
}{
	keyEmail:      {"email", "em", "email", true, []string{"context.traits.email", "traits.email"}},
	keyPhone:      {"phone", "ph", "phone", true, []string{"context.traits.phone", "traits.phone"}},
	keyGender:     {"gender", "ge", "gen", true, []string{"context.traits.gender", "traits.gender"}},
	keyFirstName:  {"first_name", "fn", "fn", true, []string{"context.traits.firstName", "context.traits.name", "traits.firstName", "traits.name"}},
	keyLastName:   {"last_name", "ln", "ln", true, []string{"context.traits.lastName", "context.traits.name", "traits.lastName", "traits.name"}},
	keyCity:       {"city", "ct", "ct", true, addressSources("city")},
	keyState:      {"state", "st", "st", true, addressSources("state")},
	keyZip:        {"zip", "zp", "zip", true, addressSources("postalCode")},
	keyCountry:    {"country", "country", "country", true, addressSources("country")},
	keyExternalID: {"external_id", "external_id", "extern_id", true, []string{"userId"}},
	keyLeadID: {"lead_id", "lead_id", "lead_id", false, []string{
		`integrations["Facebook Offline Conversions"].leadId`, `context["Facebook Offline Conversions"].leadId`,
	}},
	keyBirthDate: {"date_of_birth", "db", "dob", true, nil},
	keyMadid:     {"madid", "madid", "madid", false, nil},
}

// addressSources are the places of a part of an address.
func addressSources(name string) []string {
	return []string{"context.traits.address." + name, "traits.address." + name, "context.traits." + name, "traits." + name}
}

// keyValue is one usable value of a match key.
type keyValue struct {
	normalised
	sum digest // SHA-256 of the normal form, or the hash it came as
}

// hashed says whether the values of a key leave as hashes.
func (k keyID) hashed() bool { return k != keyLeadID && k != keyMadid }

// sumOf is the digest of a value; one that is not hashed has none.
func sumOf(k keyID, v normalised) (d digest) {
	switch {
	case !k.hashed():
	case v.hashed:
		copy(d[:], v.value)
	default:
		d = digestOf(v.value)
	}
	return d
}

// maxKeyValues bounds the values of one key: the offline format documents 3 of
// e-mail and phone (docs/meta.md 3.2), the Conversions API nothing; a person
// has no more.
const (
	maxKeyValues        = 5
	maxOfflineKeyValues = 3
)

// deriveKeys finds and normalises every match key of the event.
func (s *subject) deriveKeys() {
	clear(s.keys[:])
	clear(s.results[:])
	s.customer, s.countryGiven, s.house = false, false, houseFound{}
	s.locale = locale{defaultCountry: s.defaults.country, today: s.when}
	if s.ev.Received.After(s.when) {
		s.locale.today = s.ev.Received // the till's clock may stand in 1970
	}
	s.deriveKey(keyCountry)
	s.locale.named = s.countryGiven
	if c := s.keys[keyCountry]; len(c) > 0 {
		s.locale.country = c[0].value
		if c[0].hashed {
			s.locale.country = hashedCountries()[c[0].value]
		}
	}
	s.findStaff()
	for k := range keyCount {
		if k != keyCountry {
			s.deriveKey(k)
		}
	}
	s.settleHouse()
	if len(s.keys[keyCountry]) == 0 && !s.countryGiven && s.defaults.country != "" &&
		len(s.keys[keyCity])+len(s.keys[keyState])+len(s.keys[keyZip]) > 0 {
		n := normalised{value: s.defaults.country}
		s.keys[keyCountry] = append(s.roomOf(keyCountry), keyValue{n, digestOf(n.value)})
		s.results[keyCountry] = KeyResult{State: KeySent, Source: "default_country"}
		if s.x != nil {
			s.x.key(keyCountry, "default_country", s.defaults.countryLine, nil, n, sha256hex(n.value))
		}
	}
}

// deriveKey goes through the sources of a key until one gives a usable value.
func (s *subject) deriveKey(k keyID) {
	for i := range s.m.keys[k] {
		src := &s.m.keys[k][i]
		if src.plain() {
			if n := s.sources[s.sourcesOf[k]+i]; n != nil {
				s.take(k, src, src.label(), n, true)
			}
			if len(s.keys[k]) > 0 && !s.m.allOf[k] {
				return
			}
			continue
		}
		found, err := src.resolve(s, s.scratch[:0])
		if err != nil {
			s.failExpression(src, err)
			s.unusable(k, src.label(), ReasonExpression, s.exprError)
			return
		}
		s.scratch = found[:0]
		for j, n := range found {
			at := src.label()
			if len(found) > 1 {
				at += "#" + strconv.Itoa(j)
			}
			s.take(k, src, at, n, true)
		}
		if len(s.keys[k]) > 0 && !s.m.allOf[k] {
			return
		}
	}
}

// take normalises one raw value, or, where nested, every item of a list, of a source.
func (s *subject) take(k keyID, src *source, at string, n *event.Node, nested bool) {
	if n.Blank() {
		return
	}
	if items, ok := n.JsonText().Items(); ok && nested {
		for i := range items {
			s.take(k, src, fmt.Sprintf("%s[%d]", at, i), &items[i], false)
		}
		return
	}
	raw, ok := n.ScalarText()
	if !ok {
		s.leaveOut(k, src, at, n, noteNotText, "neither text nor a number")
		return
	}
	if strings.ContainsRune(raw, '\uFFFD') {
		s.leaveOut(k, src, at, n, noteBadUTF8, "holds bytes that are no text")
		return
	}
	if src.fullName {
		first, last := splitName(raw)
		raw = first
		if k == keyLastName {
			raw = last
		}
		if strings.TrimSpace(raw) == "" {
			return
		}
	}
	var v normalised
	if s.x != nil {
		v = normalise(k, raw, s.locale, &trace{})
		if src.fullName {
			rule := "first word of the name"
			if k == keyLastName {
				rule = "all of the name but the first word"
			}
			v.steps = append([]step{{rule, raw}}, v.steps...)
		}
	} else {
		v = normalise(k, raw, s.locale, nil)
	}
	if why := s.whyHouse(k, raw, &v); why != "" {
		s.house.own = true
		v = leftOut(keyTable[k].name, "", why)
		v.code = noteHouse
	} else {
		s.judgeValue(k, &v)
	}
	if k == keyCountry && v.code != "country_placeholder" {
		s.countryGiven = true
	}
	if v.code != "" {
		s.notes.add(v.code, at, v.why)
	}
	if v.value == "" {
		if v.code != "" {
			s.unusable(k, at, v.code, v.why)
		}
		if s.x != nil {
			s.x.leftOut(keyTable[k].name, at, src.line, n, v)
		}
		return
	}
	for _, have := range s.keys[k] {
		if have.value == v.value {
			return
		}
	}
	if !keyTable[k].several && len(s.keys[k]) > 0 {
		s.leaveOut(k, src, at, n, noteSeveralValues, "several values of a key that has one: the first is sent")
		return
	}
	if len(s.keys[k]) == maxKeyValues {
		s.leaveOut(k, src, at, n, noteTooMany, fmt.Sprintf("only %d values of a key are sent", maxKeyValues))
		return
	}
	if s.keys[k] == nil {
		s.keys[k] = s.roomOf(k)
		s.results[k] = KeyResult{State: KeySent, Source: at}
	}
	s.keys[k] = append(s.keys[k], keyValue{normalised: v, sum: sumOf(k, v)})
	kv := &s.keys[k][len(s.keys[k])-1]
	if s.x != nil {
		s.x.key(k, at, src.line, n, v, string(kv.sum[:]))
	}
}

// judgeValue says what a value means for whether the event has a customer: a
// placeholder says nothing of one (docs/contract.md 4.1, no_customer).
func (s *subject) judgeValue(k keyID, v *normalised) {
	switch {
	case v.value == "" && v.code == "":
	case v.value == "" && strings.HasSuffix(v.code, "_placeholder"):
		s.house.nobody = true
	default:
		s.customer = true
		s.house.unknown = s.house.unknown || v.value == "" && slices.Contains(keysOfPeople[:], k)
	}
}

// roomOf is where the values of a key go: nearly every key has one.
func (s *subject) roomOf(k keyID) []keyValue { return s.firstKeys[k : k : k+1] }

// leaveOut notes that a value of a key was not used.
func (s *subject) leaveOut(k keyID, src *source, at string, n *event.Node, code, why string) {
	if at == "" {
		at = src.label()
	}
	s.judgeValue(k, &normalised{code: code})
	s.notes.add(code, at, why)
	s.unusable(k, at, code, why)
	if s.x != nil {
		s.x.leftOut(keyTable[k].name, at, src.line, n, normalised{code: code, why: why})
	}
}

// keySet is a set of keys, a bit each.
type keySet uint16

func keysOf(list ...keyID) (set keySet) {
	for _, k := range list {
		set |= 1 << k
	}
	return set
}

// weakSets are the sets of keys that Meta refuses when an event has no others
// (docs/meta.md 3.4).
var weakSets = []keySet{
	keysOf(keyCity, keyCountry, keyState, keyZip, keyGender),
	keysOf(keyBirthDate),
	keysOf(keyFirstName, keyGender),
	keysOf(keyLastName, keyGender),
}

// keyStrength says whether a conversion has any key, and whether its keys are
// more than one of the weak sets.
func (s *subject) keyStrength(c *conversion) (any, strong bool) {
	for id := range identifierCount {
		if s.identifiersOf(c, id) && id != idUserAgent { // which is in the weak sets, and alone no key
			return true, true
		}
	}
	var have keySet
	for k := range keyCount {
		if len(s.taken(k, c.api)) > 0 {
			have |= 1 << k
		}
	}
	if have == 0 {
		return false, false
	}
	for _, weak := range weakSets {
		if have&^weak == 0 {
			return true, false
		}
	}
	return true, true
}
