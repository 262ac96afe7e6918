package cli

import (
	"fmt"
	"io"
	"time"

	"relay/internal/meta"
	"relay/relay/internal/term"
)

// Exported is what an export has written.
type Exported struct {
	events int
	newest time.Time // time of receipt
}

// Add counts an event, by its time of receipt.
func (e *Exported) Add(received time.Time) {
	e.events++
	if received.After(e.newest) {
		e.newest = received
	}
}

// Say tells what whoever has asked holds now, and until when.
func (e *Exported) Say(w io.Writer) error {
	if e.events == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s with personal data of customers, as they arrived. Meta takes the newest until %s: remove them then at the latest; `relay forget` does not reach them.\n",
		term.Count(e.events, "event"), e.newest.Add(meta.StoreAge).UTC().Format(time.RFC3339))
	return err
}
