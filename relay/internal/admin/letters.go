package admin

import (
	"net/http"

	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/track"
)

// exportOf is a dead letter with all that another relay needs to have it.
func exportOf(d queue.DeadLetter) api.DeadDetail {
	out := deadDetailOf(d, true)
	out.Lanes, out.Flags = d.Lanes, uint16(d.Flags)
	return out
}

// letterOf is the dead letter of exportOf.
func letterOf(x *api.DeadDetail, store string) (queue.DeadLetter, error) {
	d := queue.DeadLetter{
		ID: x.ID, Lanes: x.Lanes, MessageID: x.MessageID, Store: x.Store, Event: x.Event, List: x.List, EventSet: x.EventSet,
		Reason: x.Reason, Message: x.Message, Code: x.Code, Subcode: x.Subcode, FBTraceID: x.FBTraceID,
		ReceivedAt: x.ReceivedAt, DeadAt: x.DeadAt, Attempts: x.Attempts, MappingHash: x.Mapping,
		Flags: queue.Flags(x.Flags), Body: x.Body, Cut: x.Cut,
	}
	if d.Store == "" {
		d.Store = store
	}
	if x.ReleaseAt != nil {
		d.ReleaseAt = *x.ReleaseAt
	}
	if len(x.Body) == 0 {
		d.Body = []byte(x.Text)
	}
	if err := x.Check(track.IsEventSet); err != nil {
		return d, err
	}
	return d, api.CheckStore(d.Store)
}

// importDead stores dead letters of another relay. They are dead letters of this one a
// moment later, or, if none runs, once one does.
func (s *Server) importDead(w http.ResponseWriter, r *http.Request) {
	a, err := s.takeLetters(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	if s.o.Drain != nil && a.Stored > 0 {
		s.o.Drain.Wake(drain.Changed)
	}
	writeJSON(w, http.StatusOK, api.Imported{Success: true, Stored: a.Stored, Duplicates: a.Duplicates})
}

func (s *Server) takeLetters(w http.ResponseWriter, r *http.Request) (queue.Appended, error) {
	var in api.DeadImport
	if s.o.Imports == nil {
		return queue.Appended{}, badf("this relay takes no imports")
	}
	if err := readJSONUpTo(w, r, &in, maxImport); err != nil {
		return queue.Appended{}, err
	}
	if len(in.Letters) == 0 {
		return queue.Appended{}, badf("letters: want at least one")
	}
	entries := make([]queue.Entry, len(in.Letters))
	for i := range in.Letters {
		d, err := letterOf(&in.Letters[i], in.Store)
		if err == nil {
			entries[i], err = track.LetterEntry(d)
		}
		if err != nil {
			return queue.Appended{}, badf("letters[%d]: %v", i, err)
		}
	}
	return s.o.Imports.Append(r.Context(), entries)
}
