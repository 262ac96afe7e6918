package local

import (
	"relay/internal/logs"
	"relay/queue/internal/ident"
	"relay/queue/local/internal/ids"
)

// pending is one entry as the writer needs it.
type pending struct {
	hash     ids.Hash
	laneKey  string
	lanes    []string
	received int64
	id       string
	store    string
	sale     bool // queue.BySale
	print    uint64
	first    uint64   // fingerprint of the event that is known by its id
	known    bool     // its id was stored before
	fresh    bool     // the writer will store it
	changed  bool     // its id is that of a sale with another content
	conflict bool     // its id is another event's:
	content  ids.Hash // what it is de-duplicated by then,
	kept     bool     // and whether that was stored before
	hashed   bool     // content and kept are known
}

// search finds out which ids were stored before.
func (w *writer) search(reqs []*request) {
	for _, r := range reqs {
		for i := range r.pending {
			p := &r.pending[i]
			p.first, p.known = w.find(p.hash)
		}
	}
}

// find gives the fingerprint of the event that was stored under a hash before.
func (w *writer) find(h ids.Hash) (print uint64, known bool) {
	id, known, err := w.q.ids.Get(h)
	if err != nil && !w.q.idsDamaged(err) {
		w.q.o.Logger.Warn("cannot search message ids", "code", logs.IDsNotSearched, "err", err)
	}
	return id.Print, known
}

// key is what a record is stored by.
func (p *pending) key() ids.Hash {
	if p.conflict {
		return p.content
	}
	return p.hash
}

// another turns p into an event whose id is another event's, and says whether it
// was stored before.
func (w *writer) another(p *pending, search bool) bool {
	p.conflict = true
	if !p.hashed {
		p.content = ident.HashContent(&w.q.secret, p.store, p.id, p.print)
		if search {
			_, p.kept = w.find(p.content)
			p.hashed = true
		}
	}
	if p.kept {
		return true
	}
	_, here := w.batch[p.content]
	return here
}

// dedup marks what is new and returns how many that are. Without search it never
// waits for the disk: a conflict that the call before did not meet may then be
// kept twice.
func (w *writer) dedup(reqs []*request, search bool) int {
	if w.batch == nil {
		w.batch = make(map[ids.Hash]uint64)
	}
	clear(w.batch)
	w.ids = w.ids[:0]
	for _, r := range reqs {
		for i := range r.pending {
			p := &r.pending[i]
			p.fresh, p.conflict, p.changed = false, false, false
			first, known := p.first, p.known
			if !known {
				first, known = w.batch[p.hash]
			}
			switch {
			case !known || !ident.Differ(first, p.print):
			case p.sale:
				p.changed = true
			case p.id != "":
				known = w.another(p, search)
			}
			if known {
				continue
			}
			p.fresh = true
			w.batch[p.key()] = p.print
			w.ids = append(w.ids, ids.Known{Hash: p.key(), Print: p.print})
		}
	}
	return len(w.ids)
}
