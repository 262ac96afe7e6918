package api

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// Affected returns how many events were stored.
func (r Imported) Affected() (n int64, dryRun bool) { return int64(r.Stored), false }

// ImportEvent is a past event. Its body is base64, so that it arrives byte for byte.
type ImportEvent struct {
	ID   string `json:"id"`
	Same bool   `json:"same,omitempty"` // an event with this id is the same, even if its content differs (queue.BySale)
	Body []byte `json:"body"`
}

// ImportBatch is the request POST /api/v1/imports/{key}. Either all events are stored or
// none.
type ImportBatch struct {
	Received time.Time     `json:"received"`
	Events   []ImportEvent `json:"events"`
}

// Imported is the answer to an ImportBatch; its events are stored durably.
type Imported struct {
	Success    bool `json:"success"`
	Stored     int  `json:"stored"`
	Duplicates int  `json:"duplicates"`
	Changed    int  `json:"changed"` // duplicates with different content
	Conflicts  int  `json:"id_conflicts"`
}

// ImportState is the saved progress of a file, or null.
type ImportState struct {
	Success bool            `json:"success"`
	State   json.RawMessage `json:"state"`
}

// ImportReport is the request POST /api/v1/imports/{key}/report: the path of a report of
// refused rows, which a forget must search.
type ImportReport struct {
	Path string `json:"path"` // absolute
}

// Import stores past events; key identifies their file.
func (c *Client) Import(ctx context.Context, key string, b ImportBatch) (Imported, error) {
	var out Imported
	return out, c.post(ctx, "/api/v1/imports/"+url.PathEscape(key), b, &out)
}

// AddReport stores the path of an import's report.
func (c *Client) AddReport(ctx context.Context, key, path string) error {
	var out Done
	return c.post(ctx, "/api/v1/imports/"+url.PathEscape(key)+"/report", ImportReport{path}, &out)
}

// ImportState returns the state that SaveImport saved last for a file; nil: none.
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

// SaveImport stores the progress of a file durably.
func (c *Client) SaveImport(ctx context.Context, key string, state []byte) error {
	var out Done
	return c.post(ctx, "/api/v1/imports/"+url.PathEscape(key)+"/state", json.RawMessage(state), &out)
}
