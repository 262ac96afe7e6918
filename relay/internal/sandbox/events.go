package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
	"unicode"

	"relay/internal/meta"
)

// postEvents checks an upload and accepts all of it or nothing (docs/meta.md
// 5.1, last row; for the legacy format that is an inference).
func (q *request) postEvents(now time.Time) {
	list, err := q.params.elements()
	if err != nil {
		q.refuse(fault{code: 100, text: err.Error()})
		return
	}
	events, bad := decode(list)
	legacy := q.legacy(events)
	q.seen(list, legacy)
	if f := q.checkRequest(len(list), legacy); f != nil {
		q.refuse(*f)
		return
	}
	if bad != nil {
		q.refuseEvents([]fault{*bad}, legacy)
		return
	}
	if faults := q.judge(events, legacy, now); len(faults) > 0 {
		q.refuseEvents(faults, legacy)
		return
	}
	if legacy {
		if f := q.s.takeRange(q); f != nil {
			q.refuse(*f)
			return
		}
	}
	q.accept(events, legacy, now)
	q.received(len(list), legacy)
}

// legacy reports whether a call uses the legacy format, which exists up to v16.0.
func (q *request) legacy(events []*event) bool {
	if !q.legacyVersion() || q.set.LegacyGone {
		return false
	}
	for _, e := range events {
		if _, ok := e.m["user_data"]; ok {
			return false
		}
	}
	return true
}

// seen records size and hash of the events in the call.
func (q *request) seen(list []json.RawMessage, _ bool) {
	h := sha256.New()
	for _, e := range list {
		_, _ = h.Write(e)
		_, _ = h.Write([]byte{'\n'})
	}
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.call.Events = len(list)
	q.call.DataHash = hex.EncodeToString(h.Sum(nil))
}

// checkRequest checks the parameters other than data.
func (q *request) checkRequest(n int, legacy bool) *fault {
	most := meta.MaxEvents
	if legacy {
		most = meta.MaxOffline
	}
	switch {
	case n == 0:
		return &fault{code: 100, text: "(#100) The parameter data is empty"}
	case n > most: // docs/meta.md 5.1
		return &fault{code: 100, text: fmt.Sprintf("(#100) Too many events in one call: the most is %d", most)}
	case legacy && q.params.text("upload_tag") == "" && q.params.text("upload_id") == "": // docs/meta.md 2.3
		return &fault{code: 100, text: "(#100) One of upload_tag and upload_id is required"}
	}
	// docs/meta.md 2.1
	if a := q.params.text("partner_agent"); a != "" {
		letters := 0
		for _, r := range a {
			if unicode.IsLetter(r) {
				letters++
			}
		}
		if len([]rune(a)) >= 23 || letters < 2 {
			return &fault{code: 100, text: "(#100) partner_agent must be under 23 characters with at least two letters"}
		}
	}
	return nil
}

// judge applies the rules to each event; conversions stop at the first bad
// one, the legacy format reports all (docs/meta.md 5.1, 6.3).
func (q *request) judge(events []*event, legacy bool, now time.Time) (faults []fault) {
	rules := conversionRules
	if legacy {
		rules = offlineRules
	}
	j := &judge{set: &q.set, now: now}
	for _, e := range events {
		f := j.first(rules, e)
		if f == nil && q.mode.Mode == RefuseAll {
			f = &fault{subcode: cmp.Or(q.mode.Subcode, 2804050), path: "user_data"}
		}
		if f == nil {
			continue
		}
		f.code, f.index = 100, e.index
		faults = append(faults, *f)
		if !legacy {
			break
		}
	}
	return faults
}

// refuseEvents answers for bad events in the way of the format.
func (q *request) refuseEvents(faults []fault, legacy bool) {
	q.s.mu.Lock()
	q.s.calls.stats.Refused += len(faults)
	q.s.mu.Unlock()
	if legacy {
		q.refuse(fault{code: 100, subcode: 1815356, list: faults})
		return
	}
	faults[0].code = 100
	q.refuse(faults[0])
}

// accept records the events.
func (q *request) accept(events []*event, legacy bool, now time.Time) {
	type item struct {
		r   Received
		key dedupKeys
		raw []byte
	}
	items := make([]item, len(events))
	for i, e := range events {
		items[i] = item{e.received(q, legacy), e.dedupKeys(q.id, legacy), e.raw}
	}
	s := q.s
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.calls.stats
	for _, it := range items {
		dup := s.events.copies(now, it.key)
		if dup[atEvent] {
			st.DuplicatesAtEvent++
		}
		if dup[atCustom] {
			st.DuplicatesAtCustom++
		}
		if dup[q.set.OrderIDAt] {
			st.Duplicates++
		}
		s.events.accept(now, q.call.N, it.r, dup[q.set.OrderIDAt], it.raw, s.o.KeepBodies)
	}
	q.call.Accepted = true
	st.Accepted++
	st.Events += len(events)
	st.BySet[q.id] += len(events)
	st.MaxEvents = max(st.MaxEvents, len(events))
	if st.First == nil {
		st.First = &now
	}
	st.Last = &now
}

// received answers an accepted upload (docs/meta.md 6.1).
func (q *request) received(n int, legacy bool) {
	if q.mode.Mode == Miscount {
		n--
	}
	switch {
	case q.mode.Mode == Quiet:
		q.answer(map[string]any{"fbtrace_id": q.call.FBTraceID})
	case legacy:
		q.answer(map[string]any{"id": q.id, "num_processed_entries": n})
	default:
		q.answer(map[string]any{"events_received": n, "messages": []string{}, "fbtrace_id": q.call.FBTraceID})
	}
}

// received is the record of an event.
func (e *event) received(q *request, legacy bool) Received {
	r := Received{Set: q.id, API: "conversions", UploadTag: q.params.text("upload_tag"), TestCode: q.params.text("test_event_code")}
	r.Name = str(e.m["event_name"])
	r.EventTime, _ = whole(e.m["event_time"])
	if legacy {
		r.API = "offline"
	}
	r.OrderID = e.order("order_id", "", legacy)
	r.ID = str(e.m["event_id"])
	if r.ID == "" && r.OrderID != "" {
		r.ID = r.OrderID
		if item := e.order("item_number", "", legacy); item != "" {
			r.ID += "#" + item
		}
	}
	if r.ID == "" {
		sum := sha256.Sum256([]byte(e.keys(legacy) + fmt.Sprint(r.EventTime)))
		r.ID = hex.EncodeToString(sum[:8])
	}
	return r
}

// order returns an event's order_id or item_number at a place; "" is
// either place, because the rules require equal values. The legacy format
// has one place.
func (e *event) order(name, place string, legacy bool) string {
	at, in := plain(e.m[name]), plain(custom(e)[name])
	switch {
	case legacy, place == atEvent:
		return at
	case place == atCustom:
		return in
	}
	return cmp.Or(at, in)
}

// dedupKeys returns the fields by which a repeated offline event is recognised, with
// order_id read at the given place: dataset, event_time, event_name, item_number, and order_id or
// else the user keys (docs/meta.md 2.7, 5.3). nil for events that are not
// offline ones.
type dedupKeys map[string]string

func (e *event) dedupKeys(set string, legacy bool) dedupKeys {
	if !legacy && str(e.m["action_source"]) != "physical_store" {
		return nil
	}
	at, _ := whole(e.m["event_time"])
	keys := dedupKeys{}
	for _, place := range []string{"", atEvent, atCustom} {
		who := "order " + e.order("order_id", place, legacy)
		if who == "order " {
			who = "keys " + e.keys(legacy)
		}
		keys[place] = fmt.Sprintf("%s\x00%d\x00%s\x00%s\x00%s", set, at, str(e.m["event_name"]), e.order("item_number", place, legacy), who)
	}
	return keys
}

// keys are the user keys in a fixed order.
func (e *event) keys(legacy bool) string {
	name := "user_data"
	if legacy {
		name = "match_keys"
	}
	b, err := json.Marshal(e.m[name]) // maps are written in the order of their keys
	if err != nil {
		return ""
	}
	return string(b)
}
