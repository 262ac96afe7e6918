package spool

import (
	"context"
	"encoding/json"
	"fmt"

	"relay/relay/internal/spool/rows"
)

// state is how far the work on a file is. It is written after each batch that
// the queue has confirmed.
type state struct {
	Version int    `json:"version"`
	Key     string `json:"key"`
	Content int64  `json:"content"`          // bytes of what the file held, unpacked, when the rows behind us were read
	Digest  string `json:"digest,omitempty"` // of that
	Salt    string `json:"salt,omitempty"`   // part of the rows' ids: the file was written anew
	Done    bool   `json:"done"`
	Tries   int    `json:"tries,omitempty"` // how often it has been begun since a row of it was dealt with
	Report  int64  `json:"report_bytes"`    // what of the report belongs to the rows behind us
	Counts
}

// Counts says what became of the rows of a file.
type Counts struct {
	Rows       int64 `json:"rows"`
	Stored     int64 `json:"stored"`
	Duplicates int64 `json:"duplicates"`
	Changed    int64 `json:"changed"`      // of those: sales that are known by their order number, with other content
	Conflicts  int64 `json:"id_conflicts"` // kept as dead letters: their id is another event's
	Refused    int64 `json:"refused"`
	Ignored    int64 `json:"ignored"` // calls other than track
	Joined     int64 `json:"joined"`  // rows of an event of which another row was counted already
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

// follow makes the state one of what the file holds now. Where that begins with
// what it held before, its rows go on behind the others; otherwise it is another
// file in the place of the first, with rows of its own.
func (s *state) follow(now *rows.Survey) {
	switch {
	case s.Digest == "" || s.Digest == now.Digest:
	case s.Digest == now.Marked:
		s.Done = false
	default:
		*s = state{Version: stateVersion, Key: s.Key, Tries: s.Tries, Report: s.Report, Salt: "-" + now.Digest[:8]}
	}
}

// State keeps how far the work on a file is, by the file's key. Load returns
// nothing for a key it does not know; what Save has confirmed is durable.
type State interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Save(ctx context.Context, key string, state []byte) error
}

// loadState returns what is known of the file with this key, else a fresh one.
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
	// A torn one cannot be: it is renamed into place. What else may be wrong
	// with it costs time, not events: their ids are the same.
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
