package cli

import (
	"fmt"
	"io"
	"time"

	"relay/internal/meta"
	"relay/relay/internal/term"
)

// Exported counts the events that an export wrote.
type Exported struct {
	events int
	newest time.Time // latest time of receipt
}

// Add counts an event, by its time of receipt.
func (e *Exported) Add(received time.Time) {
	e.events++
	if received.After(e.newest) {
		e.newest = received
	}
}

// Say prints how many events with personal data the output contains and until when it
// is useful. It prints nothing for an empty export.
func (e *Exported) Say(w io.Writer) error {
	if e.events == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s written, with customers' personal data. Meta accepts the newest until %s: delete the output by then. `relay forget` does not reach it.\n",
		term.Count(e.events, "event"), e.newest.Add(meta.StoreAge).UTC().Format(time.RFC3339))
	return err
}
