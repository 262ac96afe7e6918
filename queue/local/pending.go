package local

import (
	"relay/internal/logs"
	"relay/queue/internal/ident"
	"relay/queue/local/internal/ids"
)

// pending is one entry of a request, as the writer needs it.
type pending struct {
	hash              ids.Hash
	laneKey           string
	lanes             []string
	received          int64
	id                string
	store             string
	sale              bool // queue.BySale
	fingerprint       uint64
	storedFingerprint uint64   // fingerprint of the stored event with its id
	known             bool     // an event with its id was stored before
	fresh             bool     // it is new: the writer stores it
	changed           bool     // its id is that of a sale with other content
	conflict          bool     // its id is that of another event
	content           ids.Hash // what a conflict is de-duplicated by
	kept              bool     // whether content was stored before
	hashed            bool     // content and kept are set
}

// lookUpIDs looks up the ids of all entries.
func (w *writer) lookUpIDs(reqs []*request) {
	for _, r := range reqs {
		for i := range r.pending {
			p := &r.pending[i]
			p.storedFingerprint, p.known = w.lookUp(p.hash)
		}
	}
}

// lookUp returns the fingerprint of the event stored under a hash. known is false if there
// is none.
func (w *writer) lookUp(h ids.Hash) (fingerprint uint64, known bool) {
	id, known, err := w.q.ids.Get(h)
	if err != nil && !w.q.idsDamaged(err) {
		w.q.o.Logger.Warn("cannot search message ids", "code", logs.IDsNotSearched, "err", err)
	}
	return id.Fingerprint, known
}

// key returns the hash under which a record is stored.
func (p *pending) key() ids.Hash {
	if p.conflict {
		return p.content
	}
	return p.hash
}

// markConflict marks p as an event whose id is that of another event. It reports whether the
// same conflict was stored before.
func (w *writer) markConflict(p *pending, search bool) bool {
	p.conflict = true
	if !p.hashed {
		p.content = ident.HashContent(&w.q.secret, p.store, p.id, p.fingerprint)
		if search {
			_, p.kept = w.lookUp(p.content)
			p.hashed = true
		}
	}
	if p.kept {
		return true
	}
	_, here := w.batch[p.content]
	return here
}

// markFresh marks the new entries and returns how many there are. Without search it never
// waits for the disk; a conflict that the previous call did not see can then be stored
// twice.
func (w *writer) markFresh(reqs []*request, search bool) int {
	if w.batch == nil {
		w.batch = make(map[ids.Hash]uint64)
	}
	clear(w.batch)
	w.ids = w.ids[:0]
	for _, r := range reqs {
		for i := range r.pending {
			p := &r.pending[i]
			p.fresh, p.conflict, p.changed = false, false, false
			first, known := p.storedFingerprint, p.known
			if !known {
				first, known = w.batch[p.hash]
			}
			switch {
			case !known || !ident.Differ(first, p.fingerprint):
			case p.sale:
				p.changed = true
			case p.id != "":
				known = w.markConflict(p, search)
			}
			if known {
				continue
			}
			p.fresh = true
			w.batch[p.key()] = p.fingerprint
			w.ids = append(w.ids, ids.Known{Hash: p.key(), Fingerprint: p.fingerprint})
		}
	}
	return len(w.ids)
}
