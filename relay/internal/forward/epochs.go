package forward

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"

	"relay/queue"
)

// Notes stores small values durably.
type Notes interface {
	SetNote(key string, val []byte) error
	Note(key string) []byte
}

const (
	noteEpochs = "forward/epochs"
	maxEpochs  = 1000 // openings of the log that are kept
)

// Epochs maps record numbers to the opening of the log in which they were appended.
type Epochs struct{ all []opening }

type opening struct {
	First queue.Seq `json:"first"`
	Epoch Epoch     `json:"epoch"`
}

// OpenEpochs stores that the log was opened: numbers from first on have a new epoch. Records
// before the first known opening have one of their own.
func OpenEpochs(n Notes, first queue.Seq) (*Epochs, error) {
	var e Epochs
	if b := n.Note(noteEpochs); b != nil {
		if err := json.Unmarshal(b, &e.all); err != nil {
			e.all = nil // the epochs are lost; the hub recognizes records by their ids
		}
	}
	if len(e.all) == 0 {
		e.all = []opening{{Epoch: newEpoch()}}
	}
	e.all = append(e.all, opening{first, newEpoch()})
	if extra := len(e.all) - maxEpochs; extra > 0 {
		e.all = e.all[extra:]
	}
	b, err := json.Marshal(e.all)
	if err == nil {
		err = n.SetNote(noteEpochs, b)
	}
	if err != nil {
		return nil, fmt.Errorf("store the epoch of the log: %w", err)
	}
	return &e, nil
}

func newEpoch() (e Epoch) {
	rand.Read(e[:])
	return e
}

// Of returns the epoch of a number, and where the next one begins. The last opening that
// begins at or before the number counts.
func (e *Epochs) Of(seq queue.Seq) (epoch Epoch, until queue.Seq) {
	epoch, until = e.all[0].Epoch, math.MaxUint64
	for _, o := range e.all {
		if o.First > seq {
			until = min(until, o.First)
			continue
		}
		epoch = o.Epoch
	}
	return epoch, until
}
