package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/sandbox"
)

// What the demo asks relay and the simulator while it waits.

// status is what the status page shows.
func (d *demo) status() api.Status { return d.relay.Status() }

// waiting counts the conversions that are not settled.
func (d *demo) waiting() int64 { return d.status().Queue.Pending }

func (d *demo) refused() int64 { return d.status().Queue.Refused }

func (d *demo) unmapped() int64 { return d.status().Queue.Unmapped }

func (d *demo) atMeta() int {
	n := 0
	for _, e := range d.sandbox.Events(sandbox.Filter{}) {
		if e.Times > 0 {
			n++
		}
	}
	return n
}

func (d *demo) backingOff() bool {
	for _, l := range d.status().Lanes {
		if l.Failures > 0 {
			return true
		}
	}
	return false
}

func (d *demo) lastError() string {
	for _, l := range d.status().Lanes {
		if l.LastError != nil {
			return l.LastError.Advice
		}
	}
	return "none"
}

// book is one event set's account.
type book struct {
	routed    int // conversions the posted events make, by the mapping
	delivered int64
	atMeta    int
	skipped   map[string]int64
	dead      map[string]int64
	waiting   int64
}

// read takes over what the status page says of the event set.
func (b *book) read(l api.LaneInfo) {
	b.waiting, b.skipped, b.dead = l.Pending, map[string]int64{}, map[string]int64{}
	for k, n := range l.Counts {
		switch kind, reason, _ := strings.Cut(k, ":"); kind {
		case "delivered":
			b.delivered = n
		case "skip":
			b.skipped[reason] = n
		case "dead":
			b.dead[reason] = n
		}
	}
}

func (b *book) settled() int64 {
	n := b.delivered + b.waiting
	for _, x := range b.skipped {
		n += x
	}
	for _, x := range b.dead {
		n += x
	}
	return n
}

func (b *book) balances() bool {
	return int64(b.routed) == b.settled() && int64(b.atMeta) == b.delivered && b.waiting == 0
}

// reconcile prints the books and says whether they balance: what the posted
// events should become by the mapping, what relay counted, and what the
// simulator says it received.
func (d *demo) reconcile() bool {
	books := map[string]*book{}
	for _, id := range demoSets {
		books[id] = &book{}
	}
	m := d.relay.Mapping()
	seen := map[string]bool{}
	var duplicates, unmapped, invalid int
	for _, e := range d.day {
		var x struct{ MessageID, Event string }
		_ = json.Unmarshal(e.body, &x)
		switch routes := m.Routes(x.Event); {
		case seen[x.MessageID]:
			duplicates++
		case x.Event == "":
			invalid++
		case routes == nil:
			unmapped++
		default:
			for _, id := range routes {
				books[id].routed++
			}
		}
		seen[x.MessageID] = true
	}
	shown := d.status()
	for _, l := range shown.Lanes {
		if b := books[l.Lane]; b != nil {
			b.read(l)
		}
	}
	for _, e := range d.sandbox.Events(sandbox.Filter{}) {
		if b := books[e.Set]; b != nil {
			b.atMeta++
		}
	}

	names := map[string]string{}
	for _, s := range m.Sets() {
		names[s.ID] = s.Name
	}
	ok := true
	fmt.Fprintln(d.out)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "EVENT SET\tCONVERSIONS\t= DELIVERED\t+ NOT SENT\t+ DEAD LETTERS\tAT META\t")
	for _, id := range demoSets {
		b := books[id]
		ok = ok && b.balances()
		fmt.Fprintf(w, "%s %s\t%d\t%d\t%s\t%s\t%d\t%s\n", id, names[id], b.routed, b.delivered, reasons(b.skipped), reasons(b.dead), b.atMeta, verdict(b.balances()))
	}
	_ = w.Flush()

	kept := shown.Queue.Unmapped
	refused, _ := d.relay.Lane(queue.LaneRefused)
	once := len(seen) - unmapped - invalid
	events := d.posted.messages == len(d.day) && int64(unmapped) == kept && shown.Queue.Duplicates == int64(duplicates) &&
		refused.Counts["dead:invalid"] == int64(invalid) && d.posted.rejected == invalid
	ok = ok && events
	fmt.Fprintf(d.out, "\n%d events posted in %d requests = %d for event sets + %d unmapped (kept for a mapping that knows them)\n"+
		"+ %d invalid (dead letter) + %d sent twice, stored once: %s\n",
		d.posted.messages, d.posted.requests, once, kept, invalid, duplicates, verdict(events))
	return ok
}

func verdict(ok bool) string {
	if ok {
		return "balances"
	}
	return "DOES NOT BALANCE"
}

// reasons prints "3 (no_customer 2, unmapped 1)".
func reasons(m map[string]int64) string {
	var n int64
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		n += m[k]
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", n, strings.Join(parts, ", "))
}
