package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// upload is an upload session of the legacy API (docs/meta.md 2.3).
type upload struct {
	ID, Set, Tag string
	Ranges       []span
}

// span is one progress range.
type span struct {
	Start int64 `json:"start_inclusive"`
	End   int64 `json:"end_exclusive"`
}

// uploadLog holds the sessions by id.
type uploadLog struct {
	byID map[string]*upload
	next int64
}

func (l *uploadLog) reset() { *l = uploadLog{byID: map[string]*upload{}, next: 9_000_000_001} }

func (s *Sandbox) isUpload(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploads.byID[id] != nil
}

// uploads creates a session, or finds one by its tag (docs/meta.md 2.3).
func (q *request) uploads() {
	if !q.legacyVersion() || q.set.LegacyGone {
		q.refuse(unsupported(q.r.Method, q.id))
		return
	}
	tag := q.params.text("upload_tag")
	s := q.s
	s.mu.Lock()
	var found *upload
	for _, u := range s.uploads.byID {
		if u.Set == q.id && u.Tag == tag {
			found = u
		}
	}
	if found == nil && q.r.Method == http.MethodPost && tag != "" {
		found = &upload{ID: fmt.Sprint(s.uploads.next), Set: q.id, Tag: tag}
		s.uploads.next++
		s.uploads.byID[found.ID] = found
	}
	var shown map[string]any
	if found != nil {
		shown = found.shown()
	}
	s.mu.Unlock()
	switch {
	case q.r.Method == http.MethodPost && tag == "":
		q.refuse(fault{code: 100, text: "(#100) The parameter upload_tag is required"})
	case q.r.Method == http.MethodPost:
		q.answer(map[string]any{"id": shown["id"]})
	case found == nil:
		q.answer(map[string]any{"data": []any{}})
	default:
		q.answer(map[string]any{"data": []any{shown}})
	}
}

func (u *upload) shown() map[string]any {
	ranges := append([]span{}, u.Ranges...)
	return map[string]any{"id": u.ID, "upload_tag": u.Tag, "progress": map[string]any{"data": ranges}}
}

// takeRange records the progress range of an upload. A range that overlaps a recorded
// one is refused with 2044011; this made retries exact in the legacy API
// (docs/meta.md 2.3, 6.5). An unknown upload_id is refused with 275.
func (s *Sandbox) takeRange(q *request) *fault {
	id := q.params.text("upload_id")
	if id == "" {
		return nil
	}
	var p *span
	if raw := q.params.json("progress"); len(raw) > 0 {
		p = &span{Start: -1, End: -1}
		if json.Unmarshal(raw, p) != nil || p.Start < 0 || p.End <= p.Start {
			return &fault{code: 100, text: "(#100) progress needs start_inclusive and a greater end_exclusive"}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads.byID[id]
	if u == nil || u.Set != q.id {
		return &fault{code: 275}
	}
	if p == nil {
		return nil
	}
	for _, r := range u.Ranges {
		if p.Start < r.End && r.Start < p.End {
			return &fault{code: 100, subcode: 2044011}
		}
	}
	u.Ranges = append(u.Ranges, *p)
	return nil
}

// validate is the dry run of the legacy API (docs/meta.md 2.3).
func (q *request) validate(now time.Time) {
	if !q.legacyVersion() || q.set.LegacyGone {
		q.refuse(unsupported(q.r.Method, q.id))
		return
	}
	list, err := q.params.elements()
	if err != nil {
		q.refuse(fault{code: 100, text: err.Error()})
		return
	}
	events, bad := decode(list)
	faults := q.judge(events, true, now)
	if bad != nil || len(faults) > 0 {
		if len(faults) == 0 {
			faults = []fault{*bad}
		}
		q.refuseEvents(faults, true)
		return
	}
	q.answer(map[string]any{"total_validated_count": len(events), "match_count": len(events)})
}

// node answers a read of an event set or an upload session (docs/meta.md
// 1.5: is_consolidated_container).
func (q *request) node() {
	s := q.s
	s.mu.Lock()
	u := s.uploads.byID[q.id]
	var shown map[string]any
	if u != nil {
		shown = u.shown()
	}
	s.mu.Unlock()
	if shown != nil {
		q.answer(shown)
		return
	}
	q.answer(map[string]any{"id": q.id, "name": "Sandbox event set", "is_consolidated_container": true})
}

// permissions returns the permissions of a token that can read.
func (q *request) permissions() {
	granted := func(name string) map[string]string { return map[string]string{"permission": name, "status": "granted"} }
	q.answer(map[string]any{"data": []any{granted("ads_management"), granted("business_management")}})
}
