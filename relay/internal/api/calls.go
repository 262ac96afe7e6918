package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"relay/relay/internal/forward"
)

// Ping checks whether relay answers.
func (c *Client) Ping(ctx context.Context) (Ping, error) {
	var out Ping
	return out, c.get(ctx, "/api/v1/ping", nil, &out)
}

// Status returns the complete status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var out Status
	return out, c.get(ctx, "/api/v1/status", nil, &out)
}

// Watch calls fn with the status every few seconds until fn returns false.
func (c *Client) Watch(ctx context.Context, fn func(Status) bool) error {
	return c.events(ctx, "/api/v1/live", func(_ string, data []byte) bool {
		var s Status
		return json.Unmarshal(data, &s) != nil || fn(s)
	})
}

// Tail calls fn with every outcome as it happens until fn returns false. The outcome
// "missed" counts outcomes that came too fast to be shown.
func (c *Client) Tail(ctx context.Context, fn func(Outcome) bool) error {
	return c.events(ctx, "/api/v1/tail", func(event string, data []byte) bool {
		var o Outcome
		if json.Unmarshal(data, &o) != nil {
			return true
		}
		if event == "missed" {
			o.Outcome = "missed"
		}
		return fn(o)
	})
}

// Lanes lists the event sets.
func (c *Client) Lanes(ctx context.Context) ([]LaneInfo, error) {
	var out []LaneInfo
	return out, c.get(ctx, "/api/v1/lanes", nil, &out)
}

// Stores lists the stores whose relays forward to this one, by name.
func (c *Client) Stores(ctx context.Context) ([]forward.Seen, error) {
	var out []forward.Seen
	return out, c.get(ctx, "/api/v1/stores", nil, &out)
}

// PauseLane stops sending to an event set, given by id or name.
func (c *Client) PauseLane(ctx context.Context, lane string) (Done, error) {
	return c.lane(ctx, lane, "pause", struct{}{})
}

// ResumeLane resumes sending to an event set, also if an error paused it.
func (c *Client) ResumeLane(ctx context.Context, lane string) (Done, error) {
	return c.lane(ctx, lane, "resume", struct{}{})
}

// MoveLane moves the waiting events of an event set to another.
func (c *Client) MoveLane(ctx context.Context, lane, to string) (Done, error) {
	return c.lane(ctx, lane, "move", map[string]string{"to": to})
}

// DropLane permanently removes the waiting events of an event set; confirm repeats its id.
func (c *Client) DropLane(ctx context.Context, lane, confirm string) (Done, error) {
	return c.lane(ctx, lane, "drop", map[string]string{"confirm": confirm})
}

func (c *Client) lane(ctx context.Context, lane, action string, in any) (Done, error) {
	var out Done
	return out, c.post(ctx, "/api/v1/lanes/"+url.PathEscape(lane)+"/"+action, in, &out)
}

// Sales calls fn for every sale with an order id or a messageId.
func (c *Client) Sales(ctx context.Context, id string, fn func(Sale) bool) error {
	return list(ctx, c, "/api/v1/receipts", url.Values{"id": {id}}, fn)
}

// Dead calls fn for every dead letter that f selects, oldest first.
func (c *Client) Dead(ctx context.Context, f DeadFilter, fn func(Dead) bool) error {
	return list(ctx, c, "/api/v1/dead", f.query(), fn)
}

// DeadSummary counts dead letters.
func (c *Client) DeadSummary(ctx context.Context, f DeadFilter) (DeadSummary, error) {
	var out DeadSummary
	return out, c.get(ctx, "/api/v1/dead/summary", f.query(), &out)
}

// DeadLetter returns a dead letter; its event is masked unless full is true.
func (c *Client) DeadLetter(ctx context.Context, id string, full bool) (DeadDetail, error) {
	var out DeadDetail
	return out, c.get(ctx, "/api/v1/dead/"+url.PathEscape(id), bodyQuery(full), &out)
}

// ExportDead calls fn for every dead letter with its complete event.
func (c *Client) ExportDead(ctx context.Context, f DeadFilter, fn func(DeadDetail) bool) error {
	return list(ctx, c, "/api/v1/dead/export", f.query(), fn)
}

// ImportDead stores dead letters that another relay exported.
func (c *Client) ImportDead(ctx context.Context, in DeadImport) (Imported, error) {
	var out Imported
	return out, c.post(ctx, "/api/v1/dead/import", in, &out)
}

// RetryDead sends dead letters through the current mapping again.
func (c *Client) RetryDead(ctx context.Context, a DeadAction) (RetryResult, error) {
	var out RetryResult
	return out, c.post(ctx, "/api/v1/dead/retry", a, &out)
}

// DropDead permanently removes dead letters.
func (c *Client) DropDead(ctx context.Context, a DeadAction) (DropResult, error) {
	var out DropResult
	return out, c.post(ctx, "/api/v1/dead/drop", a, &out)
}

// QueueInfo returns the totals of the queue.
func (c *Client) QueueInfo(ctx context.Context) (QueueInfo, error) {
	var out QueueInfo
	return out, c.get(ctx, "/api/v1/queue", nil, &out)
}

// Queued calls fn for every waiting event that f selects.
func (c *Client) Queued(ctx context.Context, f QueueFilter, fn func(Queued) bool) error {
	return list(ctx, c, "/api/v1/queue/events", f.query(), fn)
}

// QueuedEvent returns a waiting event; it is masked unless full is true.
func (c *Client) QueuedEvent(ctx context.Context, id string, full bool) (Queued, error) {
	var out Queued
	return out, c.get(ctx, "/api/v1/queue/events/"+url.PathEscape(id), bodyQuery(full), &out)
}

// ExportQueue calls fn for every waiting event with its complete body.
func (c *Client) ExportQueue(ctx context.Context, f QueueFilter, fn func(Queued) bool) error {
	return list(ctx, c, "/api/v1/queue/export", f.query(), fn)
}

func bodyQuery(full bool) url.Values {
	if full {
		return url.Values{"body": {"full"}}
	}
	return nil
}

// Mapping returns the mapping in use, and why a newer file was refused.
func (c *Client) Mapping(ctx context.Context) (MappingText, error) {
	var out MappingText
	return out, c.get(ctx, "/api/v1/mapping", nil, &out)
}

// Reload reads config and mapping again. A refused file is not an error; the result
// reports it.
func (c *Client) Reload(ctx context.Context) (ReloadResult, error) {
	var out ReloadResult
	res, err := c.request(ctx, http.MethodPost, "/api/v1/reload")
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusUnprocessableEntity && res.StatusCode != http.StatusGatewayTimeout {
		return out, errorFrom(res)
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("read answer: %w", err)
	}
	return out, nil
}

// Replay runs one step of sending kept events that the hub lacks.
func (c *Client) Replay(ctx context.Context, r Replay) (Replayed, error) {
	var out Replayed
	return out, c.post(ctx, "/api/v1/forward/replay", r, &out)
}

// Forget removes a person.
func (c *Client) Forget(ctx context.Context, f Forget) (Forgotten, error) {
	var out Forgotten
	return out, c.post(ctx, "/api/v1/forget", f, &out)
}

// Backup writes a consistent copy of the queue to w as a tar file. After an error the file
// is incomplete.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.save(ctx, http.MethodPost, "/api/v1/backup", nil, w)
}

// Support writes the support bundle to w as a zip. It contains the metrics twice, wait
// apart.
func (c *Client) Support(ctx context.Context, wait time.Duration, w io.Writer) error {
	q := url.Values{"wait": {strconv.Itoa(int(wait / time.Second))}}
	return c.save(ctx, http.MethodGet, "/api/v1/support", q, w)
}

// PageLink makes a link that signs a browser in.
func (c *Client) PageLink(ctx context.Context) (PageLink, error) {
	var out PageLink
	return out, c.post(ctx, "/api/v1/page", struct{}{}, &out)
}

// Alive checks whether the process answers.
func (c *Client) Alive(ctx context.Context) error {
	res, err := c.request(ctx, http.MethodGet, "/livez")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errorFrom(res)
	}
	return nil
}

// Ready checks whether an event can be stored durably now, for `relay health`. The error
// names the failed checks.
func (c *Client) Ready(ctx context.Context) error {
	res, err := c.request(ctx, http.MethodGet, "/readyz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return errors.New("not ready: " + string(b))
	}
	return nil
}
