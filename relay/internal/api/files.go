package api

import "time"

// Unquoted is f without what quotes the file: where something is wrong stays.
func (f FileState) Unquoted() FileState {
	const message = "relay check says what is wrong, and the page to those who are signed in (relay page)"
	places := func(ps []Problem) (out []Problem) {
		for _, p := range ps {
			out = append(out, Problem{File: p.File, Line: p.Line, Column: p.Column, Message: message})
		}
		return out
	}
	f.Warnings = places(f.Warnings)
	if f.Refused != nil {
		f.Refused = &Refused{At: f.Refused.At, Message: message, Problems: places(f.Refused.Problems)}
	}
	return f
}

// MappingText is GET /api/v1/mapping: the text in force, and what was wrong with
// the one that was refused. The text of that is never served: it may be any file.
type MappingText struct {
	FileState
	Text string `json:"text"`
}

// Files are the two files relay reloads.
type Files struct {
	Config  FileState
	Mapping FileState
}

// FileState is config or mapping: what is in force, and what was refused.
type FileState struct {
	File       string     `json:"file,omitempty"`
	Digest     string     `json:"digest,omitempty"` // of what is in force
	LoadedAt   *time.Time `json:"loaded_at"`        // when that was accepted
	Generation int        `json:"generation"`
	OK         bool       `json:"ok"` // the last attempt was accepted
	FromStore  bool       `json:"from_store,omitempty"`
	Text       string     `json:"-"` // in force; mapping only
	Warnings   []Problem  `json:"warnings,omitempty"`
	// NeedRestart are the keys that relay takes over at its next start only.
	NeedRestart []string `json:"need_restart,omitempty"`
	Refused     *Refused `json:"refused,omitempty"`
	// Restless is a file that is written again and again, so that no change of it is
	// taken: the mapping; for config relay.yaml or a file it names.
	Restless *Restless `json:"restless,omitempty"`
}

// Restless is a file that is not still for long enough to be taken.
type Restless struct {
	File  string    `json:"file"`
	Since time.Time `json:"since"`
}

// Refused is a file that was not accepted.
type Refused struct {
	At       time.Time `json:"at"`
	Message  string    `json:"message"`
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one finding at its place; Line and Column count from 1, 0: unknown.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// ReloadNoAnswer is the code of a reload that nobody refused, and that a relay which
// shares the queue did not answer.
const ReloadNoAnswer = "no_answer"

// ReloadResult is the outcome of POST /api/v1/reload.
type ReloadResult struct {
	Success     bool      `json:"success"`           // at all relays that share the queue
	InForce     bool      `json:"in_force"`          // the files of the relay that was asked; false: refused, what was in force stays
	Code        string    `json:"code,omitempty"`    // config_refused, mapping_refused, no_answer
	Message     string    `json:"message,omitempty"` // plain words
	Changed     []string  `json:"changed"`           // what is different now: config, mapping, token, rate, …
	NeedRestart []string  `json:"need_restart,omitempty"`
	Digest      string    `json:"digest,omitempty"` // mapping in force
	Problems    []Problem `json:"problems,omitempty"`
	Warnings    []Problem `json:"warnings,omitempty"`

	Relays []RelayReload `json:"relays,omitempty"` // what came of it at the others that share the queue
}

// RelayReload is the outcome at one of them.
type RelayReload struct {
	Relay string `json:"relay"`
	ReloadResult
}
