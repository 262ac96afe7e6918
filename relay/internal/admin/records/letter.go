// Package records finds waiting events and dead letters in a queue and converts them to
// their form in the admin API. It also retries, drops and imports dead letters.
package records

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"relay/mapper/personal"
	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/privacy"
	"relay/relay/internal/track"
)

// Letter returns a dead letter as lists show it. Message id and event name are masked if
// they might be personal data.
func Letter(d queue.DeadLetter) api.Dead {
	return api.Dead{
		ID: d.ID, MessageID: personal.ShowID(d.MessageID), Store: d.Store, Event: privacy.ShowEvent(d.Event, d.EventSet != ""), EventSet: d.EventSet, Reason: d.Reason, Message: d.Message,
		Code: d.Code, Subcode: d.Subcode, FBTraceID: d.FBTraceID, ReceivedAt: d.ReceivedAt, Attempts: d.Attempts,
	}
}

// WholeLetter returns a dead letter with its body, which is masked unless full is true.
func WholeLetter(d queue.DeadLetter, full bool) api.DeadDetail {
	out := api.DeadDetail{
		Dead: Letter(d), List: d.List, DeadAt: d.DeadAt,
		Mapping: d.MappingHash, Plain: advice.ForReason(d.Reason), Masked: !full, Cut: d.Cut,
	}
	if !d.ReleaseAt.IsZero() {
		out.ReleaseAt = &d.ReleaseAt
	}
	if full {
		out.MessageID, out.Event = d.MessageID, d.Event
	}
	out.Body, out.Text = showBody(d.Body, full)
	return out
}

// showBody returns the body of an event: masked, or as it arrived. A body that is not JSON
// is returned as text.
func showBody(body []byte, full bool) (json.RawMessage, string) {
	switch {
	case len(body) == 0:
		return nil, ""
	case !full:
		return privacy.Mask(body), ""
	case json.Valid(body):
		return body, ""
	}
	return nil, strings.ToValidUTF8(string(body), string(utf8.RuneError))
}

// matchesLetter reports whether f selects d. It ignores After and Limit.
func matchesLetter(f api.DeadFilter, d queue.DeadLetter) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, d.ID)) &&
		(f.Reason == "" || d.Reason == f.Reason) &&
		(f.Event == "" || d.Event == f.Event) &&
		(f.EventSet == "" || d.EventSet == f.EventSet) &&
		(f.Since.IsZero() || !deadTime(d).Before(f.Since)) &&
		(f.Search == "" || mentions(d, f.Search))
}

// mentions reports whether the listed fields of d contain text, in any case.
func mentions(d queue.DeadLetter, text string) bool {
	want := strings.ToLower(text)
	if want == strconv.Itoa(d.Code) || want == strconv.Itoa(d.Subcode) || want == d.EventSet {
		return true
	}
	for _, s := range []string{d.ID, d.MessageID, d.Event, d.Reason, d.Message, d.FBTraceID} {
		if strings.Contains(strings.ToLower(s), want) {
			return true
		}
	}
	return false
}

func deadTime(d queue.DeadLetter) time.Time {
	if d.DeadAt.IsZero() {
		return d.ReceivedAt
	}
	return d.DeadAt
}

// Letters is the part of a queue that holds dead letters.
type Letters interface {
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	DeadLetter(id string) (queue.DeadLetter, error)
}

// EachLetter calls fn for every dead letter that f selects, oldest first, until fn returns
// false. fn can be slow: it does not block the queue, because letters are read in pages.
func EachLetter(q Letters, f api.DeadFilter, fn func(queue.DeadLetter) bool) error {
	if len(f.IDs) > 0 {
		return eachID(q, f, fn)
	}
	n, after := 0, f.After
	for {
		var page []queue.DeadLetter
		bytes, scanned, end := 0, 0, true
		err := q.DeadLetters(after, func(d queue.DeadLetter) bool {
			after = d.ID
			scanned++
			if matchesLetter(f, d) {
				page = append(page, d)
				bytes += len(d.Body)
			}
			end = len(page) < deadPage && bytes < deadPageBytes && scanned < deadPageScan
			return end
		})
		if err != nil {
			return err
		}
		for _, d := range page {
			n++
			if !fn(d) || f.Limit > 0 && n >= f.Limit {
				return nil
			}
		}
		if end {
			return nil
		}
	}
}

// Limits of a page of EachLetter: letters, bytes, and letters examined.
const (
	deadPage      = 500
	deadPageBytes = 4 << 20
	deadPageScan  = 20000
)

func eachID(q Letters, f api.DeadFilter, fn func(queue.DeadLetter) bool) error {
	n := 0
	for _, id := range f.IDs {
		d, err := q.DeadLetter(id)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !matchesLetter(f, d) {
			continue
		}
		if n++; !fn(d) || f.Limit > 0 && n >= f.Limit {
			return nil
		}
	}
	return nil
}

// Exported returns a dead letter with everything that another relay needs to import it.
func Exported(d queue.DeadLetter) api.DeadDetail {
	out := WholeLetter(d, true)
	out.Lanes, out.Flags = d.Lanes, uint16(d.Flags)
	return out
}

// Imported returns the dead letter that Exported exported. A letter without a store gets
// store.
func Imported(x *api.DeadDetail, store string) (queue.DeadLetter, error) {
	d := queue.DeadLetter{
		ID: x.ID, Lanes: x.Lanes, MessageID: x.MessageID, Store: x.Store, Event: x.Event, List: x.List, EventSet: x.EventSet,
		Reason: x.Reason, Message: x.Message, Code: x.Code, Subcode: x.Subcode, FBTraceID: x.FBTraceID,
		ReceivedAt: x.ReceivedAt, DeadAt: x.DeadAt, Attempts: x.Attempts, MappingHash: x.Mapping,
		Flags: queue.Flags(x.Flags), Body: x.Body, Cut: x.Cut,
	}
	if d.Store == "" {
		d.Store = store
	}
	if x.ReleaseAt != nil {
		d.ReleaseAt = *x.ReleaseAt
	}
	if len(x.Body) == 0 {
		d.Body = []byte(x.Text)
	}
	if err := x.Check(track.IsEventSet); err != nil {
		return d, err
	}
	return d, api.CheckStore(d.Store)
}
