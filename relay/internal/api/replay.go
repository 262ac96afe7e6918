package api

// Replay is POST /api/v1/forward/replay: one step of handing over anew what the hub
// lacks of what is kept here.
type Replay struct {
	From   string `json:"from,omitempty"`  // Replayed.Next of the step before; "": the first
	Since  string `json:"since,omitempty"` // only what was received since: a time or a duration
	DryRun bool   `json:"dry_run,omitempty"`
}

// Replayed is the answer.
type Replayed struct {
	Success bool   `json:"success"`
	Next    string `json:"next,omitempty"` // where the next step begins; "": there is none
	Kept    int    `json:"kept"`           // copies looked at
	Missing int    `json:"missing"`        // of them, those that the hub lacks
	Sent    int    `json:"sent"`           // handed over anew
	DryRun  bool   `json:"dry_run,omitempty"`
}

// Affected is what the audit log has of it.
func (r Replayed) Affected() (int64, bool) { return int64(r.Sent), r.DryRun }
