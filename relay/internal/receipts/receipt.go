package receipts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"relay/internal/meta"
	"relay/relay/internal/drain"
)

// Receipt describes the delivery of one conversion.
type Receipt struct {
	MessageID   string    `json:"message_id"`
	OrderID     string    `json:"order_id,omitempty"`
	Event       string    `json:"event"` // the name of the track call
	Name        string    `json:"name"`  // the event_name sent to Meta
	List        string    `json:"list"`
	EventSet    string    `json:"event_set"`
	API         meta.API  `json:"api"`
	EventTime   time.Time `json:"event_time"`
	ReceivedAt  time.Time `json:"received_at"`
	DeliveredAt time.Time `json:"delivered_at"`
	Request     string    `json:"request"` // identifies the request it was part of
	FBTraceID   string    `json:"fbtrace_id"`
	Mapping     string    `json:"mapping"`             // digest of the mapping
	Ambiguous   bool      `json:"ambiguous,omitempty"` // an earlier attempt with the same data got no answer
}

// entry is one accepted request as it is stored in the ledger.
type entry struct {
	At        time.Time `json:"at"`
	EventSet  string    `json:"set"`
	API       meta.API  `json:"api"`
	Request   string    `json:"req"`
	FBTraceID string    `json:"trace"`
	Mapping   string    `json:"map"`
	Ambiguous bool      `json:"amb,omitempty"`
	Secret    string    `json:"sec,omitempty"` // tag of the secret that made the fingerprints
	Items     []item    `json:"items"`
}

// item is one conversion of an entry.
type item struct {
	MessageID string   `json:"m"`
	OrderID   string   `json:"o,omitempty"`
	Event     string   `json:"e"`
	Name      string   `json:"n,omitempty"` // if it differs from Event
	List      string   `json:"l"`
	Time      int64    `json:"t"`           // Unix seconds
	Received  int64    `json:"r"`           // Unix ms
	People    []string `json:"p,omitempty"` // as in mapper.Outcome
	Tokens    string   `json:"w,omitempty"` // hashes of Options.Tokens, as tokenHasher.pack returns them
}

func entryOf(d drain.Delivery) entry {
	e := entry{
		At: d.At, EventSet: d.EventSet, API: d.API, Request: d.Request, FBTraceID: d.FBTraceID, Mapping: d.Mapping,
		Ambiguous: d.Ambiguous, Items: make([]item, len(d.Items)),
	}
	for i, it := range d.Items {
		l := item{
			MessageID: it.MessageID, OrderID: it.OrderID, Event: it.Event, List: it.List,
			Time: it.EventTime.Unix(), Received: it.Received.UnixMilli(), People: it.People,
		}
		if it.Name != it.Event {
			l.Name = it.Name
		}
		e.Items[i] = l
	}
	return e
}

func (e *entry) receipt(l item) Receipt {
	r := Receipt{
		MessageID: l.MessageID, OrderID: l.OrderID, Event: l.Event, Name: l.Name, List: l.List, EventSet: e.EventSet, API: e.API,
		EventTime: time.Unix(l.Time, 0).UTC(), ReceivedAt: time.UnixMilli(l.Received).UTC(), DeliveredAt: e.At, Request: e.Request,
		FBTraceID: e.FBTraceID, Mapping: e.Mapping, Ambiguous: e.Ambiguous,
	}
	if r.Name == "" {
		r.Name = l.Event
	}
	return r
}

// append appends e as JSON: what encoding/json would write, in a fraction of the time.
func (e *entry) append(b []byte) ([]byte, error) {
	head := *e
	head.Items = nil
	h, err := json.Marshal(&head)
	if err != nil {
		return b, fmt.Errorf("encode receipt: %w", err)
	}
	b = append(b, bytes.TrimSuffix(h, []byte("null}"))...)
	text := func(key, s string) {
		b = append(b, key...)
		b, _ = jsontext.AppendQuote(b, s) // an error means invalid UTF-8, which AppendQuote replaces
	}
	b = append(b, '[')
	for i := range e.Items {
		l := &e.Items[i]
		if i > 0 {
			b = append(b, ',')
		}
		text(`{"m":`, l.MessageID)
		if l.OrderID != "" {
			text(`,"o":`, l.OrderID)
		}
		text(`,"e":`, l.Event)
		if l.Name != "" {
			text(`,"n":`, l.Name)
		}
		text(`,"l":`, l.List)
		b = strconv.AppendInt(append(b, `,"t":`...), l.Time, 10)
		b = strconv.AppendInt(append(b, `,"r":`...), l.Received, 10)
		for n, p := range l.People {
			if n == 0 {
				text(`,"p":[`, p)
			} else {
				text(`,`, p)
			}
		}
		if len(l.People) > 0 {
			b = append(b, ']')
		}
		if l.Tokens != "" {
			text(`,"w":`, l.Tokens)
		}
		b = append(b, '}')
	}
	return append(b, "]}"...), nil
}
