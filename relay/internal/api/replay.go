package api

// Replay is the request POST /api/v1/forward/replay: one step of sending the kept events
// that the hub lacks.
type Replay struct {
	From   string `json:"from,omitempty"`  // Replayed.Next of the previous step; "": the first step
	Since  string `json:"since,omitempty"` // only events received since: a time or a duration
	DryRun bool   `json:"dry_run,omitempty"`
}

// Replayed is the answer to a Replay.
type Replayed struct {
	Success bool   `json:"success"`
	Next    string `json:"next,omitempty"` // start of the next step; "": this was the last
	Kept    int    `json:"kept"`           // copies examined
	Missing int    `json:"missing"`        // of those, lacking at the hub
	Sent    int    `json:"sent"`           // sent again
	DryRun  bool   `json:"dry_run,omitempty"`
}

// Affected returns the number of events sent, for the audit log.
func (r Replayed) Affected() (int64, bool) { return int64(r.Sent), r.DryRun }
