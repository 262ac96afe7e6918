package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"slices"

	"relay/internal/seal"
)

const (
	noteReports = "reports" // the paths of reports of refused rows, the newest last; sealed
	maxReports  = 1000
)

// reports are where the reports of imports lie. A path may name a person: the note is sealed
// with a key of the installation's secret, so that the queue's files do not show it.
type reports struct {
	notes Imports
	ring  *seal.Ring
}

func (s *Server) reports() *reports {
	var key []byte
	if len(s.o.Secret) > 0 {
		mac := hmac.New(sha256.New, s.o.Secret)
		_, _ = mac.Write([]byte("relay reports of imports")) // a hash takes anything
		key = mac.Sum(nil)
	}
	keys, _ := seal.NewKeys(key) // a key of 32 bytes, or none
	return &reports{s.o.Imports, seal.NewRing(keys)}
}

// all are the paths, or why they cannot be told.
func (r *reports) all() (paths []string, unreached string) {
	b := r.notes.Note(noteReports)
	if len(b) == 0 {
		return nil, ""
	}
	b, err := r.ring.Open(noteReports, 0, nil, b)
	if err == nil {
		err = json.Unmarshal(b, &paths)
	}
	if err != nil {
		return nil, "reports of imports: where they lie was noted with a secret of the installation that is not there any more; look into those that you have"
	}
	return paths, ""
}

func (r *reports) add(path string) error {
	paths, _ := r.all()
	paths = append(slices.DeleteFunc(paths, func(p string) bool { return p == path }), path)
	b, err := json.Marshal(paths[max(0, len(paths)-maxReports):])
	if err == nil {
		b, err = r.ring.Seal(nil, noteReports, 0, nil, b)
	}
	if err != nil {
		return err
	}
	return r.notes.SetNote(noteReports, b)
}
