package drain_test

import (
	"maps"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
)

// What a dry run says of dead letters and what sending them again does are the
// same, whatever changed in the mapping meanwhile.
func TestForesightComesTrue(t *testing.T) {
	t.Parallel()
	const head = "version: 1\ndefault_country: US\n"
	both := head + "events:\n  Quote: \"701000000000001\"\nlead:\n  Quote: \"701000000000001\"\n"
	// A Purchase without value or currency is held; a Lead of the same event is sent.
	purchase := head + "events:\n  Quote: { to: \"701000000000001\", as: Purchase }\nlead:\n  Quote: \"701000000000001\"\n"
	for _, tc := range []struct {
		name, before, after, properties string
	}{
		{"the mapping is mended", purchase, both, `{}`},
		{"nothing has changed", purchase, purchase, `{}`},
		{"only the lead's own event set is left", purchase, head + "lead:\n  Quote: \"701000000000001\"\n", `{}`},
		{"another event set", purchase, head + "lead:\n  Quote: \"701000000000002\"\n", `{}`},
		{"two others", purchase, head + "events:\n  Quote: [\"701000000000002\", \"701000000000003\"]\n", `{}`},
		{"nobody knows the event any more", purchase, head + "events:\n  Other: \"701000000000001\"\n", `{}`},
		{"now it is filtered", purchase, head + "events:\n  Quote: { to: \"701000000000001\", when: properties.sum > 5 }\n", `{"sum":1}`},
		// The first edition's dry run looked at all lists, the real run at the letter's own.
		{"a lead that expired beside a purchase that is held", head + "lead:\n  Quote: { to: \"701000000000001\", when: properties.sum.x }\n", purchase, `{"sum":1}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, "conversions")
			r.use(tc.before)
			body := `{"event":"Quote","messageId":"m-1","userId":"u-1","timestamp":"` + time.Now().UTC().Format(time.RFC3339) +
				`","properties":` + tc.properties + `,"context":{"traits":{"email":"ada@example.com"}}}`
			if _, err := r.q.Append(t.Context(), []queue.Entry{{ID: "m-1", Lanes: []string{setA}, Received: time.Now(), Body: []byte(body)}}); err != nil {
				t.Fatal(err)
			}
			r.run()
			r.empty()
			letters := r.letters()
			if len(letters) == 0 {
				t.Fatal("no letter was made")
			}
			r.use(tc.after)
			f := r.drain.Foresight()
			sent := len(r.sb.Calls(0, 0))
			want := batch.Fate{Skip: map[string]int{}}
			holds := map[string]int{}
			var ids []string
			before := map[string]int64{}
			for _, l := range r.q.Lanes() {
				for k, n := range l.Counts {
					before[k] += n
				}
			}
			for _, d := range letters {
				fate := f.Of(d, func(string) bool { return false })
				want.Send += fate.Send
				for k, n := range fate.Skip {
					want.Skip[k] += n
				}
				for _, reason := range fate.Hold {
					holds[reason]++
				}
				if fate.Unrouted {
					holds[d.Reason]++ // it stays what it is
				}
				ids = append(ids, d.ID)
			}
			if len(r.sb.Calls(0, 0)) != sent || len(r.letters()) != len(letters) {
				t.Fatal("looking ahead changed something")
			}
			if _, err := r.q.Redrive(ids, f.Lanes); err != nil {
				t.Fatal(err)
			}
			r.drain.Wake(drain.NewMapping)
			r.empty()
			got := map[string]int{}
			for _, d := range r.letters() {
				got[d.Reason]++
			}
			counts := map[string]int64{}
			for _, l := range r.q.Lanes() {
				for k, n := range l.Counts {
					counts[k] += n
				}
			}
			delivered := int(counts["delivered"] - before["delivered"])
			if delivered != want.Send || !maps.Equal(got, holds) {
				t.Errorf("foreseen %d sent, held %v; came %d sent, held %v", want.Send, holds, delivered, got)
			}
			for reason, n := range want.Skip {
				if counts["skip:"+reason]-before["skip:"+reason] != int64(n) {
					t.Errorf("foreseen %v skipped; counts %v", want.Skip, counts)
				}
			}
		})
	}
}
