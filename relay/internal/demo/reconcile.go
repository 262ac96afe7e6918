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

// status returns what the status page shows.
func (d *demo) status() api.Status { return d.relay.Status() }

// waiting returns the number of conversions that are not settled.
func (d *demo) waiting() int64 { return d.status().Queue.Pending }

func (d *demo) refused() int64 { return d.status().Queue.Refused }

func (d *demo) unmapped() int64 { return d.status().Queue.Unmapped }

// atMeta returns the number of conversions that the simulator received.
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

// account is the account of an event set.
type account struct {
	routed    int // conversions that the mapping makes of the posted events
	delivered int64
	atMeta    int
	skipped   map[string]int64
	dead      map[string]int64
	waiting   int64
}

// read reads relay's counts of the event set.
func (b *account) read(l api.LaneInfo) {
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

func (b *account) settled() int64 {
	n := b.delivered + b.waiting
	for _, x := range b.skipped {
		n += x
	}
	for _, x := range b.dead {
		n += x
	}
	return n
}

func (b *account) balances() bool {
	return int64(b.routed) == b.settled() && int64(b.atMeta) == b.delivered && b.waiting == 0
}

// reconcile prints the accounts and reports whether they balance: the conversions that the
// mapping makes of the posted events, relay's counts, and what the simulator received.
func (d *demo) reconcile() bool {
	accounts := map[string]*account{}
	for _, id := range demoSets {
		accounts[id] = &account{}
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
				accounts[id].routed++
			}
		}
		seen[x.MessageID] = true
	}
	status := d.status()
	for _, l := range status.Lanes {
		if b := accounts[l.Lane]; b != nil {
			b.read(l)
		}
	}
	for _, e := range d.sandbox.Events(sandbox.Filter{}) {
		if b := accounts[e.Set]; b != nil {
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
		b := accounts[id]
		ok = ok && b.balances()
		fmt.Fprintf(w, "%s %s\t%d\t%d\t%s\t%s\t%d\t%s\n", id, names[id], b.routed, b.delivered, reasons(b.skipped), reasons(b.dead), b.atMeta, verdict(b.balances()))
	}
	_ = w.Flush()

	kept := status.Queue.Unmapped
	refused, _ := d.relay.Lane(queue.LaneRefused)
	once := len(seen) - unmapped - invalid
	events := d.posted.messages == len(d.day) && int64(unmapped) == kept && status.Queue.Duplicates == int64(duplicates) &&
		refused.Counts["dead:invalid"] == int64(invalid) && d.posted.rejected == invalid
	ok = ok && events
	fmt.Fprintf(d.out, "\n%d events posted in %d requests = %d for event sets + %d unmapped (kept for a later mapping)\n"+
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

// reasons returns "3 (no_customer 2, unmapped 1)".
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
