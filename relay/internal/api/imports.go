package api

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// Affected is how many were stored.
func (r Imported) Affected() (n int64, dryRun bool) { return int64(r.Stored), false }

// ImportEvent is a past event. Its body travels as base64, so that it arrives
// byte for byte.
type ImportEvent struct {
	ID   string `json:"id"`
	Same bool   `json:"same,omitempty"` // an event of this id is the same, whatever else is in it (queue.BySale)
	Body []byte `json:"body"`
}

// ImportBatch is POST /api/v1/imports/{key}: all of it is stored, or none.
type ImportBatch struct {
	Received time.Time     `json:"received"`
	Events   []ImportEvent `json:"events"`
}

// Imported is the answer to an ImportBatch that is on disk.
type Imported struct {
	Success    bool `json:"success"`
	Stored     int  `json:"stored"`
	Duplicates int  `json:"duplicates"`
	Changed    int  `json:"changed"` // of those: same, and something else is in it
	Conflicts  int  `json:"id_conflicts"`
}

// ImportState is how far a file is: what the importer saved, or null.
type ImportState struct {
	Success bool            `json:"success"`
	State   json.RawMessage `json:"state"`
}

// ImportReport is POST /api/v1/imports/{key}/report: where refused rows were written, so
// that a person can be removed from there.
type ImportReport struct {
	Path string `json:"path"` // absolute
}

// Import stores past events under the name of the file they are from.
func (c *Client) Import(ctx context.Context, key string, b ImportBatch) (Imported, error) {
	var out Imported
	return out, c.post(ctx, "/api/v1/imports/"+url.PathEscape(key), b, &out)
}

// AddReport notes where an import has written refused rows.
func (c *Client) AddReport(ctx context.Context, key, path string) error {
	var out Done
	return c.post(ctx, "/api/v1/imports/"+url.PathEscape(key)+"/report", ImportReport{path}, &out)
}

// ImportState returns what SaveImport saved last for a file; nil: nothing.
func (c *Client) ImportState(ctx context.Context, key string) ([]byte, error) {
	var out ImportState
	if err := c.get(ctx, "/api/v1/imports/"+url.PathEscape(key), nil, &out); err != nil {
		return nil, err
	}
	if string(out.State) == "null" {
		return nil, nil
	}
	return out.State, nil
}

// SaveImport keeps how far a file is, durably.
func (c *Client) SaveImport(ctx context.Context, key string, state []byte) error {
	var out Done
	return c.post(ctx, "/api/v1/imports/"+url.PathEscape(key)+"/state", json.RawMessage(state), &out)
}
