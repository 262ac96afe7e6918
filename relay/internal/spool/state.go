package spool

import (
	"context"
	"encoding/json"
	"fmt"

	"relay/relay/internal/spool/rows"
)

// state is the progress on a file. It is written after each batch that the queue has confirmed.
type state struct {
	Version int    `json:"version"`
	Key     string `json:"key"`
	Content int64  `json:"content"`          // bytes of the unpacked content when the processed rows were read
	Digest  string `json:"digest,omitempty"` // of that content
	Salt    string `json:"salt,omitempty"`   // part of the rows' ids if the file was rewritten
	Done    bool   `json:"done"`
	Tries   int    `json:"tries,omitempty"` // how often reading has started since there was progress
	Report  int64  `json:"report_bytes"`    // bytes of the report for the processed rows
	Counts

	reading bool // this process has counted it in Tries
}

// Counts counts the rows of a file by result.
type Counts struct {
	Rows       int64 `json:"rows"`
	Stored     int64 `json:"stored"`
	Duplicates int64 `json:"duplicates"`
	Changed    int64 `json:"changed"`      // of the duplicates: sales known by their id, with other content
	Conflicts  int64 `json:"id_conflicts"` // stored as dead letters: their id belongs to another event
	Refused    int64 `json:"refused"`
	Ignored    int64 `json:"ignored"` // calls other than track
	Joined     int64 `json:"joined"`  // further rows of an event whose first row is already counted
}

const stateVersion = 2

func (c *Counts) add(more Counts) {
	c.Rows += more.Rows
	c.Stored += more.Stored
	c.Duplicates += more.Duplicates
	c.Changed += more.Changed
	c.Conflicts += more.Conflicts
	c.Refused += more.Refused
	c.Ignored += more.Ignored
	c.Joined += more.Joined
}

// follow adapts the state to the current content of the file. If that begins with the content
// processed so far, the new rows follow it; otherwise it is another file in the same place, with
// rows of its own.
func (s *state) follow(now *rows.Survey) {
	switch {
	case s.Digest == "" || s.Digest == now.Digest:
	case s.Digest == now.Marked:
		s.Done = false
	default:
		*s = state{Version: stateVersion, Key: s.Key, Tries: s.Tries, reading: s.reading, Report: s.Report, Salt: "-" + now.Digest[:8]}
	}
}

// State stores the progress on a file by its key. Load returns nothing for an unknown key; what
// Save has confirmed is durable.
type State interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Save(ctx context.Context, key string, state []byte) error
}

// loadState returns the stored state of the file with this key, or a new one.
func loadState(ctx context.Context, from State, key string) (*state, error) {
	fresh := &state{Version: stateVersion, Key: key}
	if from == nil {
		return fresh, nil
	}
	b, err := from.Load(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var s state
	// It cannot be torn: it is renamed into place. Any other fault costs time but no events:
	// their ids are the same.
	if json.Unmarshal(b, &s) != nil || s.Version != stateVersion || s.Key != key {
		return fresh, nil
	}
	return &s, nil
}

// save makes the state durable.
func (s *state) save(ctx context.Context, to State) error {
	if to == nil {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := to.Save(ctx, s.Key, append(b, '\n')); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}
