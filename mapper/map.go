package mapper

import (
	"fmt"
	"slices"
	"time"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/rules"
)

// Map maps an event. It returns one Outcome for each list and event set that the event goes to,
// in the order of the mapping, or a single one if the whole event is skipped or held. now is
// the time of the attempt. It decides whether the event is held as expired or future, but never
// changes what is sent.
func (m *Mapping) Map(ev Event, now time.Time, opts ...Option) []Outcome {
	outcomes, _ := m.run(ev, "", now, false, opts)
	return outcomes
}

// MapLane is Map for the lane of one event set. It returns one Outcome for each list that sends
// the event there, or one Outcome held as unrouted if the mapping does not send it there.
func (m *Mapping) MapLane(ev Event, eventSet string, now time.Time, opts ...Option) []Outcome {
	outcomes, _ := m.run(ev, eventSet, now, false, opts)
	return outcomes
}

// run maps an event to all of its event sets, or to one if lane is not empty. The second result
// explains each outcome if explain is set.
func (m *Mapping) run(ev Event, lane string, now time.Time, explain bool, opts []Option) ([]Outcome, [][]Field) {
	var set settings
	for _, o := range opts {
		o(&set)
	}
	var x *tracer
	if explain {
		x = &tracer{}
	}
	s, err := m.newSubject(ev, now, set, x)
	defer s.done()
	v := s.checkEvent(err)
	routes := s.routesTo(lane)
	switch {
	case v.reason != "":
	case len(routes) == 0 && lane != "":
		v = verdict{Hold, ReasonUnrouted, "the mapping does not send this event to this event set"}
	case len(routes) == 0:
		if near := m.NearMiss(s.name); near != "" {
			s.notes.add(NoteNearMiss, "event", "did you mean "+event.Quote(near)+"?")
		}
		v = verdict{Skip, ReasonUnmapped, ""}
	}
	if v.reason != "" {
		return s.eventOutcomes(v, routes, lane)
	}
	outcomes := make([]Outcome, 0, len(routes))
	var fields [][]Field
	var shared []Field
	for i, r := range routes {
		if d := m.rules.DefaultsOf(&r.Set); i == 0 || d != s.defaults {
			s.prepare(d, r.Custom)
			if x != nil {
				shared = x.fields
			}
		}
		if x != nil {
			x.fields = slices.Clone(shared)
		}
		outcomes = append(outcomes, s.convert(r))
		if x != nil {
			fields = append(fields, x.fields)
		}
	}
	if lane == "" && len(outcomes) > 1 && !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Reason != ReasonNoCustomer }) {
		return s.eventOutcomes(verdict{Skip, ReasonNoCustomer, ""}, nil, "")
	}
	if lane == "" && len(outcomes) == 1 && outcomes[0].Reason == ReasonNoCustomer {
		outcomes[0].EventSet, outcomes[0].List = "", ""
	}
	return outcomes, fields
}

// routesTo returns the routes of the event, or those to lane if it is not empty.
func (s *subject) routesTo(lane string) []*rules.Route {
	all := s.m.rules.Events[s.name]
	s.routes = s.routes[:0]
	for i := range all {
		if lane == "" || all[i].Set.ID == lane {
			s.routes = append(s.routes, &all[i])
		}
	}
	return s.routes
}

// eventOutcomes returns the outcomes of an event that is skipped or held before its routes are
// tried: a single one or, for a lane, one for each list that sends the event there.
func (s *subject) eventOutcomes(v verdict, routes []*rules.Route, lane string) ([]Outcome, [][]Field) {
	o := s.outcome(v)
	outcomes := []Outcome{o}
	if lane != "" {
		outcomes = outcomes[:0]
		for _, r := range routes {
			o.EventSet, o.List = lane, r.List
			outcomes = append(outcomes, o)
		}
		if len(routes) == 0 {
			o.EventSet = lane
			outcomes = append(outcomes, o)
		}
	}
	var fields [][]Field
	if s.x != nil {
		for range outcomes {
			fields = append(fields, slices.Clone(s.x.fields))
		}
	}
	return outcomes, fields
}

// outcome returns an Outcome with a verdict and the notes so far.
func (s *subject) outcome(v verdict) Outcome {
	return Outcome{
		MessageID: s.messageID, Event: s.name, Kind: v.kind, Reason: v.reason, Message: v.message,
		Notes: slices.Clone([]Note(s.notes)), EventTime: s.when,
	}
}

// convert makes the conversion of one route. Skip reasons are checked before hold reasons, both
// in the order of docs/contract.md 4.1.
func (s *subject) convert(r *rules.Route) Outcome {
	c := conversion{api: r.Set.API, stage: r.Stage}
	if s.set.api != "" {
		c.api = s.set.api
	}
	c.name = r.Name(s.name, c.api)
	s.useRules(r.Custom)
	s.exprError = s.ruleError // errors of another route's rules do not apply here
	notes := slices.Clone(s.notes)
	s.findMembers(r, &c, &notes)
	if len(s.keys[match.LeadID]) > 0 && len(s.sentValues(match.LeadID, &c)) == 0 {
		notes.add(noteLeadLength, s.results[match.LeadID].Source, whyLeadLength)
	}
	v := s.decide(r, &c, &notes)
	o := s.outcome(v)
	o.List, o.EventSet, o.Name, o.OrderID, o.Notes = r.List, r.Set.ID, c.name, c.orderID, notes
	o.Keys, o.People = s.keyResults(&c), s.people
	if v.reason != "" {
		return o
	}
	tag := s.m.rules.UploadTag
	if r.UploadTag != "" {
		tag = r.UploadTag
	}
	o.Kind, o.API, o.UploadTag, o.TestEventCode = Send, c.api, s.uploadTag(tag), r.Set.TestEventCode
	if s.x != nil {
		s.x.begin("event_name", eventNameSource(r), r.Line, event.Quote(c.name))
	}
	c.custom = s.remainingProperties(&c, &notes)
	s.addIdentifierNotes(&c, &notes)
	switch {
	case c.api == meta.Offline:
		s.addOfflineNotes(&c, &notes)
		c.addOfflineNotes(&notes)
	case c.actionSource == rules.PhysicalStore && len(s.keys[match.LeadID]) > 0:
		notes.add(noteLeadInStore, match.Table[match.LeadID].Name, "sent as an ordinary match key; for the stages of a lead in a CRM, write preset: crm_lead")
	}
	o.Notes = notes
	o.Conversion = s.encode(&c)
	return o
}

// decide returns the verdict on a conversion, and stores the values it needed in c.
func (s *subject) decide(r *rules.Route, c *conversion, notes *noteList) verdict {
	if r.When != nil {
		yes, err := r.When.Holds(s.environment())
		if err != nil {
			return verdict{Hold, ReasonExpression, expressionMessage(r.When.Line, err)}
		}
		if !yes {
			return verdict{Skip, ReasonFiltered, ""}
		}
	}
	if !s.hasCustomer && s.exprError == "" && !s.m.rules.HoldUnmatched {
		s.noteUnread(notes)
		return verdict{Skip, ReasonNoCustomer, ""}
	}
	a, err := s.findValue(r, notes)
	if err != nil {
		return verdict{Hold, ReasonExpression, expressionMessage(r.Line, err)}
	}
	if s.exprError != "" {
		return verdict{Hold, ReasonExpression, s.exprError}
	}
	s.findIDs(c, notes)
	if v := s.checkAge(c); v.reason != "" {
		return v
	}
	switch any, strong := s.keyStrength(c); {
	case !any && !s.hasCustomer:
		return verdict{Hold, ReasonNoMatchKey, "the event carries no customer data"}
	case !any:
		return verdict{Hold, ReasonNoMatchKey, "there is customer data, but none of it is usable as a match key"}
	case !strong:
		return verdict{Hold, ReasonWeakMatchKeys, "the match keys are too broad to find a person by; Meta refuses them"}
	}
	return s.checkMoney(c, a, notes)
}

func eventNameSource(r *rules.Route) string {
	switch {
	case r.List != rules.ListEvents:
		return r.List
	case r.As != "":
		return "as"
	}
	return "event"
}

// addOfflineNotes adds notes on values of match keys that the offline format does not accept.
func (s *subject) addOfflineNotes(c *conversion, notes *noteList) {
	for k := range match.Count {
		switch n := len(s.sentValues(k, c)); {
		case n == len(s.keys[k]):
		case n > 0:
			notes.add(noteTooMany, match.Table[k].Name, fmt.Sprintf("the offline format takes %d of the values of this key; the others are left out", n))
		default:
			code, why := whyNotSent(k, c)
			notes.add(code, match.Table[k].Name, why)
		}
	}
	if ids := s.sentValues(match.ExternalID, c); len(ids) > 0 {
		s.idToSend(ids[0].Original, "extern_id", notes)
	}
}

// whyNotSent returns why a conversion contains no value of a key.
func whyNotSent(k match.Key, c *conversion) (code, why string) {
	if k == match.LeadID && c.stage {
		return noteLeadLength, whyLeadLength
	}
	if row := &match.Table[k]; len(row.Offline) == 0 {
		return noteNotOffline, "the offline format has no " + row.Name + "; left out"
	}
	return noteHashedDate, "a hashed birth date cannot be split into the year, month and day that the offline format requires; left out"
}
