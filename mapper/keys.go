package mapper

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/people"
	"relay/mapper/personal"
	"relay/mapper/rules"
)

// maxKeyValues limits the values of one key in the Conversions API. Meta documents no limit
// (docs/meta.md 3.2), but no real person has more.
const maxKeyValues = 5

// deriveKeys finds and normalises all match keys of the event.
func (s *subject) deriveKeys() {
	clear(s.keys[:])
	clear(s.results[:])
	s.hasCustomer, s.countryGiven, s.house = false, false, houseFound{}
	s.locale = match.Locale{DefaultCountry: s.defaults.Country, Today: s.when, Slashes: s.m.rules.Slashes}
	if s.ev.Received.After(s.when) {
		s.locale.Today = s.ev.Received // the till's clock could be in 1970
	}
	s.deriveKey(match.Country)
	s.locale.CountryGiven = s.countryGiven
	if c := s.keys[match.Country]; len(c) > 0 {
		s.locale.Country = match.CountryOf(c[0].Value)
	}
	s.findStaff()
	for k := range match.Count {
		if k != match.Country {
			s.deriveKey(k)
		}
	}
	s.rejectDefaultName()
	s.rejectBesideHouse()
	if len(s.keys[match.Country]) == 0 && !s.countryGiven && s.defaults.Country != "" &&
		len(s.keys[match.City])+len(s.keys[match.State])+len(s.keys[match.Zip]) > 0 {
		n := match.Value{Form: s.defaults.Country}
		s.keys[match.Country] = append(s.valueSpace(match.Country), match.ValueSum{Value: n, Sum: match.SumOf(match.Country, n)})
		s.results[match.Country] = KeyResult{State: KeySent, Source: "default_country"}
		if s.x != nil {
			s.x.key(match.Country, "default_country", s.defaults.CountryLine, nil, n, match.SHA256(n.Form))
		}
	}
}

// deriveKey tries the sources of a key until one gives a usable value.
func (s *subject) deriveKey(k match.Key) {
	for i := range s.m.rules.Keys[k] {
		src := &s.m.rules.Keys[k][i]
		if src.IsSinglePath() {
			if n := s.sources[s.sourcesOf[k]+i]; n != nil {
				s.addKeyValue(k, src, src.Label(), n, true)
			}
			if len(s.keys[k]) > 0 && !s.m.rules.AllOf[k] {
				return
			}
			continue
		}
		found, err := s.resolve(src, s.scratch[:0])
		if err != nil {
			s.failExpression(src, err)
			s.markUnusable(k, src.Label(), ReasonExpression, s.exprError)
			return
		}
		s.scratch = found[:0]
		for j, n := range found {
			at := src.Label()
			if len(found) > 1 {
				at += "#" + strconv.Itoa(j)
			}
			s.addKeyValue(k, src, at, n, true)
		}
		if len(s.keys[k]) > 0 && !s.m.rules.AllOf[k] {
			return
		}
	}
}

// addKeyValue adds one raw value of a source to a key, normalised. If nested is set, the value
// can be a list, whose items are added.
func (s *subject) addKeyValue(k match.Key, src *rules.Source, at string, n *event.Node, nested bool) {
	if n.Blank() {
		return
	}
	if items, ok := n.ParseJSONText().Items(); ok && nested && (k != match.BirthDate || !n.IsDateList()) {
		for i := range items {
			s.addKeyValue(k, src, fmt.Sprintf("%s[%d]", at, i), &items[i], false)
		}
		return
	}
	raw, ok := n.ScalarText()
	if k == match.BirthDate {
		raw, ok = n.DateText()
	}
	if !ok {
		s.leaveOut(k, src, at, n, noteNotText, s.whyNotText(k, at, n))
		return
	}
	if strings.ContainsRune(raw, '\uFFFD') {
		s.leaveOut(k, src, at, n, noteBadUTF8, "contains bytes that are not text")
		return
	}
	if src.FullName {
		first, last := match.SplitName(raw)
		raw = first
		if k == match.LastName {
			raw = s.lastNameAfterFirst(first, last)
		}
		if strings.TrimSpace(raw) == "" {
			return
		}
	}
	if texts := match.SplitValues(k, raw, s.locale); texts != nil {
		s.notes.add(match.Table[k].Name+"_several", at, "one text holds several values: each that can be used is sent")
		for i, text := range texts {
			s.addKeyValue(k, src, at+"#"+strconv.Itoa(i), &event.Node{Kind: event.Text, Text: text}, false)
		}
		return
	}
	var v match.Value
	var sum match.Digest
	if s.x != nil {
		v = match.Normalise(k, raw, s.locale, &match.Trace{})
		sum = match.SumOf(k, v)
		if src.FullName {
			rule := "first word of the name"
			if k == match.LastName {
				rule = "all of the name but the first word"
			}
			v.Steps = append([]match.Step{{Rule: rule, Result: raw}}, v.Steps...)
		}
	} else {
		f := s.places.Normalise(k, raw, s.locale)
		v, sum = f.Value, f.Sum
	}
	if why := s.whyHouse(k, raw, &v); why != "" {
		s.house.ownFound = true
		v = match.Reject(match.Table[k].Name, "", why)
		v.Code = noteHouse
	} else {
		s.recordCustomer(k, &v)
	}
	if k == match.Country && v.Code != "country_placeholder" {
		s.countryGiven = true
	}
	if v.Code != "" {
		s.notes.add(v.Code, at, v.Why)
	}
	if v.Form == "" {
		if v.Code != "" {
			s.markUnusable(k, at, v.Code, v.Why)
		}
		if s.x != nil {
			s.x.leftOut(match.Table[k].Name, at, src.Line, n, v)
		}
		return
	}
	for _, have := range s.keys[k] {
		if have.Form == v.Form {
			return
		}
	}
	if !match.Table[k].Several && len(s.keys[k]) > 0 {
		s.leaveOut(k, src, at, n, noteSeveralValues, "several values for a key that takes one: the first is sent")
		return
	}
	if len(s.keys[k]) == maxKeyValues {
		s.leaveOut(k, src, at, n, noteTooMany, fmt.Sprintf("only %d values of a key are sent", maxKeyValues))
		return
	}
	if s.keys[k] == nil {
		s.keys[k] = s.valueSpace(k)
		s.results[k] = KeyResult{State: KeySent, Source: at}
	}
	s.keys[k] = append(s.keys[k], match.ValueSum{Value: v, Sum: sum})
	kv := &s.keys[k][len(s.keys[k])-1]
	if s.x != nil {
		s.x.key(k, at, src.Line, n, v, string(kv.Sum[:]))
	}
}

// lastNameAfterFirst returns the last name in a full name when the event also has the first name
// separately: for Ada Maria Hofe and the first name Ada Maria it is Hofe.
func (s *subject) lastNameAfterFirst(first, last string) string {
	if len(s.keys[match.FirstName]) == 0 || s.keys[match.FirstName][0].Hashed {
		return last
	}
	given, rest := s.keys[match.FirstName][0].Form, last
	for {
		form := match.Normalise(match.FirstName, first, s.locale, nil).Form
		if form == given {
			return rest
		}
		word, after, more := strings.Cut(rest, " ")
		if !more || !strings.HasPrefix(given, form) {
			return last
		}
		first, rest = first+" "+word, after
	}
}

// whyNotText explains that a value is not a scalar, and suggests a member of the object that
// can be used.
func (s *subject) whyNotText(k match.Key, at string, n *event.Node) string {
	if n.Kind != event.Object {
		return "neither text nor a number"
	}
	member := "the member that holds it"
	for i := range n.Kids {
		text, ok := n.Kids[i].ScalarText()
		if ok && !n.Kids[i].Blank() && personal.Known(n.Kids[i].Name) && match.Normalise(k, text, s.locale, nil).Form != "" {
			member = event.JoinPath(at, n.Kids[i].Name)
			break
		}
	}
	return "an object, neither text nor a number: list " + member + " under match_keys." + match.Table[k].Name
}

// recordCustomer records whether a value shows that the event has a customer. A placeholder does
// not (docs/contract.md 4.1, no_customer).
func (s *subject) recordCustomer(k match.Key, v *match.Value) {
	switch {
	case v.Form == "" && v.Code == "":
	case v.Form == "" && strings.HasSuffix(v.Code, "_placeholder"):
		s.house.placeholder = true
	default:
		s.hasCustomer = true
		s.house.unusableID = s.house.unusableID || v.Form == "" && slices.Contains(people.IdentifyingKeys[:], k)
	}
}

// valueSpace returns an empty slice for the values of a key, with space for one. Almost every key
// has only one value.
func (s *subject) valueSpace(k match.Key) []match.ValueSum { return s.firstKeys[k : k : k+1] }

// leaveOut adds a note that a value of a key was not used.
func (s *subject) leaveOut(k match.Key, src *rules.Source, at string, n *event.Node, code, why string) {
	if at == "" {
		at = src.Label()
	}
	s.recordCustomer(k, &match.Value{Code: code})
	s.notes.add(code, at, why)
	s.markUnusable(k, at, code, why)
	if s.x != nil {
		s.x.leftOut(match.Table[k].Name, at, src.Line, n, match.Value{Code: code, Why: why})
	}
}

// weakIdentifier marks the identifiers that are in Meta's weak sets, and so are no sufficient key
// on their own.
var weakIdentifier = func() (weak [identifierCount]bool) {
	for _, set := range meta.WeakSets() {
		for id := range meta.Identifiers {
			weak[id] = weak[id] || slices.Contains(set.Keys, meta.Identifiers[id].Conversions)
		}
	}
	return weak
}()

// keyStrength reports whether a conversion has any keys, and whether they are more than one of
// the weak sets.
func (s *subject) keyStrength(c *conversion) (any, strong bool) {
	for id := range identifierCount {
		if s.sendsIdentifier(c, id) && !weakIdentifier[id] {
			return true, true
		}
	}
	var have match.KeySet
	for k := range match.Count {
		if len(s.sentValues(k, c)) > 0 {
			have |= 1 << k
		}
	}
	if have == 0 {
		return false, false
	}
	for _, weak := range match.WeakSets {
		if have&^weak == 0 {
			return true, false
		}
	}
	return true, true
}
