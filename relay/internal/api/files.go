package api

import "time"

// Unquoted returns f without the messages that quote the file; the places of problems stay.
func (f FileState) Unquoted() FileState {
	const message = "run `relay check` to see the problem, or sign in to the page (`relay page`)"
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

// MappingText is the answer to GET /api/v1/mapping: the text in use, and the problems of a
// refused file. The text of a refused file is never served, because it could be any file.
type MappingText struct {
	FileState
	Text string `json:"text"`
}

// Files are the states of the two files that relay reloads.
type Files struct {
	Config  FileState
	Mapping FileState
}

// FileState is the state of config or mapping: the version in use, and the refused one.
type FileState struct {
	File       string     `json:"file,omitempty"`
	Digest     string     `json:"digest,omitempty"` // of the version in use
	LoadedAt   *time.Time `json:"loaded_at"`        // when it was accepted
	Generation int        `json:"generation"`
	OK         bool       `json:"ok"`                   // the last attempt was accepted
	FromStore  bool       `json:"from_store,omitempty"` // the last valid version, because the file was invalid at the start
	Text       string     `json:"-"`                    // the mapping in use
	Warnings   []Problem  `json:"warnings,omitempty"`
	// NeedRestart are changed keys that need a restart.
	NeedRestart []string `json:"need_restart,omitempty"`
	Refused     *Refused `json:"refused,omitempty"`
	// Restless is a file that keeps changing, so that relay does not load it: the mapping,
	// or for the config relay.yaml or a file it names.
	Restless *Restless `json:"restless,omitempty"`
}

// Restless is a file that keeps changing.
type Restless struct {
	File  string    `json:"file"`
	Since time.Time `json:"since"`
}

// Refused is a refused version of a file.
type Refused struct {
	At       time.Time `json:"at"`
	Message  string    `json:"message"`
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is a problem and its place. Line and Column count from 1; 0: unknown.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// ReloadNoAnswer is the code of a reload that no relay refused, but that one of the relays
// of the queue did not answer.
const ReloadNoAnswer = "no_answer"

// ReloadResult is the outcome of POST /api/v1/reload.
type ReloadResult struct {
	Success     bool      `json:"success"`           // at all relays that share the queue
	InForce     bool      `json:"in_force"`          // at the relay that was called; false: refused, the previous files stay in use
	Code        string    `json:"code,omitempty"`    // config_refused, mapping_refused, no_answer
	Message     string    `json:"message,omitempty"` // for people
	Changed     []string  `json:"changed"`           // changed keys and files
	NeedRestart []string  `json:"need_restart,omitempty"`
	Digest      string    `json:"digest,omitempty"` // of the mapping in use
	Problems    []Problem `json:"problems,omitempty"`
	Warnings    []Problem `json:"warnings,omitempty"`

	Relays []RelayReload `json:"relays,omitempty"` // the other relays that share the queue
}

// RelayReload is the result of a reload at another relay.
type RelayReload struct {
	Relay string `json:"relay"`
	ReloadResult
}
