package batch

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
)

const lane = "701000000000001"

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// event is what the mapping below understands.
type event struct {
	Lists   []string      `json:"lists,omitempty"`
	Offline bool          `json:"offline,omitempty"`
	Tag     string        `json:"tag,omitempty"`
	Age     time.Duration `json:"age,omitempty"`
	Skip    string        `json:"skip,omitempty"`
	Hold    string        `json:"hold,omitempty"`
	Size    int           `json:"size,omitempty"`
	Panic   bool          `json:"panic,omitempty"`
}

// mapping writes its name and the event's id as conversion.
type mapping struct {
	name string
	list string // instead of events
}

func (m mapping) Digest() string         { return m.name }
func (m mapping) Routes(string) []string { return []string{lane} }
func (m mapping) Sets() []rules.Set      { return []rules.Set{{ID: lane}} }
func (m mapping) MapLane(ev mapper.Event, _ string, _ time.Time, _ bool) (outs []mapper.Outcome) {
	var e event
	if err := json.Unmarshal(ev.Body, &e); err != nil || e.Panic {
		panic("bad event")
	}
	if len(e.Lists) == 0 {
		e.Lists = []string{rules.ListEvents}
	}
	for _, list := range e.Lists {
		if list == rules.ListEvents && m.list != "" {
			list = m.list
		}
		o := mapper.Outcome{MessageID: ev.MessageID, List: list, Kind: mapper.Send, API: meta.Conversions, UploadTag: e.Tag, EventTime: now.Add(-e.Age)}
		if e.Offline {
			o.API = meta.Offline
		}
		switch {
		case e.Skip != "":
			o.Kind, o.Reason = mapper.Skip, e.Skip
		case e.Hold != "":
			o.Kind, o.Reason = mapper.Hold, e.Hold
		}
		o.Conversion = []byte(m.name + " " + list + " " + ev.MessageID + strings.Repeat("x", e.Size))
		outs = append(outs, o)
	}
	return outs
}

func records(events ...event) (b queue.Batch) {
	for i, e := range events {
		body, _ := json.Marshal(e)
		b.Records = append(b.Records, queue.Record{
			Seq: queue.Seq(10 + 2*i), ID: fmt.Sprint(i), Lanes: []string{lane}, Received: now, Body: body,
		})
	}
	b.From, b.Next = 10, queue.Seq(10+2*len(events))
	return b
}

func recipe(m Mapping) *Recipe { return &Recipe{Mapping: m, At: now, Ages: true} }

var wide = Limits{Events: 1000, Bytes: 1 << 20}

// ids are those of items, with the list if it is another than events.
func (b *Batch) ids(items []int) string {
	var out []string
	for _, i := range items {
		id := b.Items[i].Out.MessageID
		if l := b.Items[i].Out.List; l != rules.ListEvents {
			id += l[:1]
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

// Records become requests: of one API and tag, within the limits, those older than a
// week by themselves at the end, the youngest first.
func TestMake(t *testing.T) {
	week := 8 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		events []event
		most   Limits
		want   string // requests
		counts string // of skips
		held   string // reasons
	}{
		{"one request", []event{{}, {}, {}}, wide, "0 1 2", "", ""},
		{"by number", []event{{}, {}, {}, {}, {}}, Limits{2, 1 << 20}, "0 1|2 3|4", "", ""},
		{"by size", []event{{Size: 80}, {Size: 80}, {Size: 300}, {}}, Limits{1000, 220}, "0 1|2|3", "", ""},
		{"by tag and API", []event{{}, {Tag: "x"}, {}, {Offline: true}, {Tag: "x"}}, wide, "0 2|1 4|3", "", ""},
		{"old ones by themselves", []event{{Age: week}, {}, {Age: 2 * week}, {Age: week + time.Hour}, {}}, wide, "1 4|0 3 2", "", ""},
		{"two lists", []event{{Lists: []string{"events", "lead"}}, {}}, wide, "0 0l 1", "", ""},
		{"a list twice", []event{{Lists: []string{"events", "events"}}}, wide, "0 0", "", ""},
		{"skips and holds", []event{{Skip: "no_customer"}, {}, {Hold: "missing_currency"}, {Skip: "no_customer"}}, wide, "1", "skip:no_customer 2", "missing_currency"},
		{"one that cannot be mapped", []event{{}, {Panic: true}, {}}, wide, "0 2", "", "invalid"},
		{"nothing", nil, wide, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := Make(lane, records(c.events...), recipe(mapping{name: "m"}), c.most, Decisions{})
			var got, counts, held []string
			for {
				_, hi, open, ok := b.Head(0)
				if !ok {
					break
				}
				got = append(got, b.ids(open))
				b.Accept(hi, open)
			}
			for k, n := range b.Counts {
				counts = append(counts, fmt.Sprint(k, " ", n))
			}
			for _, d := range b.Holds {
				held = append(held, d.Reason)
			}
			if g := strings.Join(got, "|"); g != c.want || strings.Join(counts, " ") != c.counts || strings.Join(held, " ") != c.held {
				t.Errorf("requests %q, skips %v, held %v", g, counts, held)
			}
			b.Bury(len(b.Holds))
			whole, parts := b.Settled()
			if skips := c.counts != ""; !skips && len(c.events) > 0 && (len(parts) != 0 || len(whole) != 1 || whole[0] != queue.Range{From: b.From, To: b.Next}) {
				t.Errorf("settled %v, %v", whole, parts)
			}
		})
	}
}

// queue.max_age ends what waited too long: by a clock that is trusted, unless the event
// is young by its own time or was received by a clock that nobody had set.
func TestAge(t *testing.T) {
	for _, c := range []struct {
		name     string
		received time.Time
		age      time.Duration
		ages     bool
		want     string
	}{
		{"young", now.Add(-time.Hour), 0, true, "sent"},
		{"old", now.Add(-3 * time.Hour), 3 * time.Hour, true, "expired"},
		{"old, received by a wrong clock", now.Add(-3 * time.Hour), 0, true, "sent"},
		{"a clock that is not trusted", now.Add(-3 * time.Hour), 3 * time.Hour, false, "sent"},
		{"received in 1970", time.Unix(60, 0), 3 * time.Hour, true, "sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := records(event{Age: c.age})
			found.Records[0].Received = c.received
			b := Make(lane, found, &Recipe{Mapping: mapping{name: "m"}, At: now, Ages: c.ages, Age: 2 * time.Hour}, wide, Decisions{})
			got := "sent"
			if len(b.Holds) > 0 {
				got = b.Holds[0].Reason
			}
			if got != c.want || len(b.Items)+len(b.Holds) != 1 {
				t.Errorf("%s", got)
			}
		})
	}
}

// Times of receipt are corrected by the clock period of the record alone.
func TestDates(t *testing.T) {
	d := Dates{{Period: 1, Wrong: time.Unix(60, 0), Right: now}, {Period: 2, Wrong: now, Right: now}}
	for _, c := range []struct {
		period   uint8
		at, want time.Time
		known    bool
	}{
		{1, time.Unix(90, 0), now.Add(30 * time.Second), true},
		{2, now.Add(time.Hour), now.Add(time.Hour), true},
		{3, now, now, false}, // nobody compared that clock
		{0, now, now, true},  // a trusted clock
	} {
		rec := &queue.Record{Received: c.at, Flags: queue.FlagNaN.WithClockPeriod(c.period)}
		if got, known := d.Received(rec); !got.Equal(c.want) || known != c.known {
			t.Errorf("%+v: %s, known %v", c, got, known)
		}
		at, flags := d.Dated(rec)
		if again, known := d.Received(&queue.Record{Received: at, Flags: flags}); !again.Equal(c.want) || known != c.known {
			t.Errorf("%+v: a copy has %s, known %v", c, again, known)
		}
	}
}

// Whatever events are bad, whether Meta names them or not, and in whatever order its
// answers come: the search ends, the others are accepted once, and it takes about the
// logarithm for each bad one.
func TestSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		n := 1 + random.IntN(400)
		bad := map[string]bool{}
		for range random.IntN(5) {
			bad[fmt.Sprint(random.IntN(n))] = true
		}
		if round%10 == 0 { // side by side
			for i := range min(n, 20) {
				bad[fmt.Sprint(i)] = true
			}
		}
		b := Make(lane, records(make([]event, n)...), recipe(mapping{name: "m"}), Limits{1 + random.IntN(400), 1 << 20}, Decisions{})
		accepted := map[string]int{}
		killed := map[string]bool{}
		requests, streak := 0, 0
		for {
			lo, hi, open, ok := b.Head(streak)
			if !ok {
				break
			}
			if requests++; requests > 10*n+100 {
				t.Fatalf("round %d: no end", round)
			}
			at := slices.IndexFunc(open, func(i int) bool { return bad[b.Items[i].Out.MessageID] })
			switch {
			case at < 0:
				for _, i := range open {
					accepted[b.Items[i].Out.MessageID]++
				}
				b.Accept(hi, open)
				streak = 0
			case len(open) == 1:
				killed[b.Items[open[0]].Out.MessageID] = true
				b.Kill(open[0])
				streak++
			case round%3 == 0: // the answer names it
				b.Refuse(lo, hi)
				b.Try(open[at], open[at]+1)
			default:
				b.Refuse(lo, hi)
			}
		}
		for id, times := range accepted {
			if times != 1 || bad[id] {
				t.Fatalf("round %d: %s was accepted %d times", round, id, times)
			}
		}
		if len(accepted)+len(killed) != n || len(killed) != len(bad) {
			t.Fatalf("round %d: %d accepted, %d killed of %d", round, len(accepted), len(killed), n)
		}
		if most := n/b.Limits.Events + 2 + 14*len(bad); requests > most {
			t.Errorf("round %d: %d requests for %d bad of %d, %d a request", round, requests, len(bad), n, b.Limits.Events)
		}
	}
}

// Those that failed alone come last, each by itself, and hold back nobody.
func TestLoneComeLast(t *testing.T) {
	b := Make(lane, records(make([]event, 5)...), recipe(mapping{name: "m"}), wide, Decisions{})
	var trials Trials
	trials.Failed(&b.Items[0], now)
	trials.Failed(&b.Items[3], now)
	b.Cut()
	if !b.Untried() || b.Requests() != 4 {
		t.Errorf("%d requests", b.Requests())
	}
	var got []string
	for range 4 {
		_, hi, open, _ := b.Head(0)
		got = append(got, b.ids(open))
		b.Accept(hi, open)
	}
	if s := strings.Join(got, "|"); s != "1 2|4|0|3" {
		t.Errorf("requests %q", s)
	}
	if b.Untried() {
		t.Error("the last has failed alone")
	}
}

// An event is blamed by how often it fails where others pass. In the story P is an
// acceptance of others, X the event's failure alone, Y that of another which passes in
// the end (with p), W an hour without anything.
func TestTrials(t *testing.T) {
	for _, c := range []struct {
		name, story string
		blamed      bool
	}{
		{"nothing passes", "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", false},
		{"passed before it was suspected", "PPPPPPPPPP" + strings.Repeat("X", 30), false},
		{"others pass, it fails", "X" + strings.Repeat("PX", 8), true},
		{"one passes, then it fails on and on", "XP" + strings.Repeat("X", 35), true},
		{"one passes, it fails a few times", "XPXXXX", false},
		{"an outage with gaps", strings.Repeat("X"+strings.Repeat("Y", 30)+"pWXXX", 6), false},
		{"half of all fail", strings.Repeat("XYpYYpP", 2), false},
		{"failures of long after an acceptance", "XP" + strings.Repeat("WX", 40), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := Make(lane, records(make([]event, 3)...), recipe(mapping{name: "m"}), wide, Decisions{})
			var trials Trials
			at := now
			x, y := &b.Items[0], &b.Items[1]
			blamed := false
			for _, s := range c.story {
				at = at.Add(time.Second)
				switch s {
				case 'P':
					trials.Passed(b, []int{2}, at)
				case 'p':
					trials.Passed(b, []int{1}, at)
				case 'W':
					at = at.Add(time.Hour)
				case 'X':
					trials.Suspect(x)
					trials.Failed(x, at)
					blamed = blamed || trials.Blames(x, 6)
				case 'Y':
					trials.Suspect(y)
					trials.Failed(y, at)
				}
			}
			if blamed != c.blamed {
				t.Errorf("blamed %v: %+v, %+v", blamed, trials, x.Suspicion)
			}
		})
	}
}

// One that is accepted after it failed alone acquits those that failed no more often.
func TestAcquittal(t *testing.T) {
	b := Make(lane, records(make([]event, 4)...), recipe(mapping{name: "m"}), wide, Decisions{})
	var trials Trials
	for i, times := range []int{2, 1, 3, 0} {
		for range times {
			trials.Failed(&b.Items[i], now)
		}
	}
	if trials.Passed(b, []int{3}, now) {
		t.Error("one that had not failed acquits")
	}
	if !trials.Passed(b, []int{0}, now) || b.Items[1].Lone() || !b.Items[2].Lone() {
		t.Errorf("%+v", b.Items)
	}
}

// Made again by another mapping, what is decided is not sent and what is in doubt is
// what it was.
func TestDecisionsStay(t *testing.T) {
	found := records(event{Lists: []string{"events", "lead"}}, event{}, event{}, event{})
	b := Make(lane, found, recipe(mapping{name: "m"}), Limits{2, 1 << 20}, Decisions{})
	_, hi, open, _ := b.Head(0) // both of record 0
	b.Accept(hi, open)
	_, _, open, _ = b.Head(0) // 1 and 2
	for _, i := range open {
		b.Items[i].Doubt = true
	}
	for _, m := range []mapping{{name: "n"}, {name: "n", list: "lead"}, {name: "n", list: "complete_registration"}} {
		c := Make(lane, found, recipe(m), wide, b.Decisions())
		var sent []string
		for _, i := range c.Alive(0, len(c.Items)) {
			sent = append(sent, string(c.Items[i].Out.Conversion))
		}
		list := m.list
		if list == "" {
			list = "events"
		}
		if want := []string{"m events 1", "m events 2", "n " + list + " 3"}; !slices.Equal(sent, want) {
			t.Errorf("%+v: sends %q, want %q", m, sent, want)
		}
		if _, parts := c.Settled(); len(parts) != 0 {
			t.Errorf("parts %v", parts)
		}
	}
}

// A record with a recipe of its own is made by the mapping it names.
func TestRecipeOfARecord(t *testing.T) {
	found := records(event{}, event{}, event{})
	found.Records[1].Recipe, found.Records[2].Recipe = "old", "gone"
	how := recipe(mapping{name: "new"})
	how.By = func(digest string) Mapping {
		if digest == "old" {
			return mapping{name: "old"}
		}
		return nil
	}
	b := Make(lane, found, how, wide, Decisions{})
	var got []string
	for i := range b.Items {
		b.Items[i].Doubt = true
		got = append(got, string(b.Items[i].Out.Conversion))
	}
	if want := []string{"new events 0", "old events 1", "new events 2"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	notes := b.Intent(nil, now)
	of := map[string]int{}
	for _, n := range notes {
		items, err := decodeSent(n.Items)
		if err != nil {
			t.Fatal(err)
		}
		of[n.Mapping] += len(items)
	}
	if !maps.Equal(of, map[string]int{"new": 2, "old": 1}) {
		t.Errorf("notes %v", of)
	}
}

// A note brings back what was in doubt, and nothing else.
func TestNotes(t *testing.T) {
	found := records(make([]event, 40)...)
	b := Make(lane, found, recipe(mapping{name: "m"}), Limits{10, 1 << 20}, Decisions{})
	_, hi, open, _ := b.Head(0)
	b.Accept(hi, open)
	_, _, open, _ = b.Head(0)
	b.Request(lane, open)
	notes := b.Intent(open, now)
	if len(notes) != 1 || notes[0].N != 20 || !notes[0].Sent.Equal(now) {
		t.Fatalf("notes %+v", notes)
	}
	if seqs := InDoubt(notes); len(seqs) != 10 || seqs[0] != found.Records[10].Seq || seqs[9] != found.Records[19].Seq {
		t.Errorf("in doubt %v", seqs)
	}
	items, err := decodeSent(notes[0].Items)
	if err != nil {
		t.Fatal(err)
	}
	again := &Batch{Batch: found, How: recipe(mapping{name: "m"})}
	for k, s := range items {
		it, ok := again.Item(lane, 10+k, s)
		if !ok || string(it.Out.Conversion) != string(b.Items[open[k]].Out.Conversion) {
			t.Errorf("item %d comes out otherwise", k)
		}
		other := &Batch{Batch: found, How: recipe(mapping{name: "n"})}
		if _, ok := other.Item(lane, 10+k, s); ok {
			t.Errorf("item %d made by another mapping is taken for the same", k)
		}
	}
	if _, err := decodeSent(notes[0].Items[:len(notes[0].Items)-1]); err == nil {
		t.Error("cut short, and read")
	}
}

func FuzzDecodeSent(f *testing.F) {
	f.Add(encodeSent([]sent{{Seq: 1 << 33, Slot: 2, hash: [8]byte{1}}, {Seq: 7, Slot: 0}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := decodeSent(b)
		if err != nil {
			return
		}
		again, err := decodeSent(encodeSent(items))
		if err != nil || !slices.Equal(items, again) {
			t.Fatalf("%v, %v", err, again)
		}
	})
}

// A search goes on in a batch that is made again of the same, and begins anew in any
// other.
func TestResume(t *testing.T) {
	found := records(make([]event, 8)...)
	old := Make(lane, found, recipe(mapping{name: "m"}), wide, Decisions{})
	lo, hi, _, _ := old.Head(0)
	old.Refuse(lo, hi)
	for name, c := range map[string]struct {
		m    mapping
		most Limits
		want int
	}{"the same": {mapping{name: "m"}, wide, 4}, "another mapping": {mapping{name: "n"}, wide, 8}, "other limits": {mapping{name: "m"}, Limits{6, 1 << 20}, 6}} {
		b := Make(lane, found, recipe(c.m), c.most, Decisions{})
		b.Resume(old)
		if _, _, open, _ := b.Head(0); len(open) != c.want {
			t.Errorf("%s: the next request has %d", name, len(open))
		}
	}
}

// Messages that cannot be used become a letter each.
func TestUnusable(t *testing.T) {
	found := records(event{Panic: true}, event{})
	found.Records[1].Flags = queue.FlagTooLarge
	letters := Unusable(queue.LaneRefused, found, recipe(mapping{name: "m"}))
	if len(letters) != 2 || letters[0].Reason != mapper.ReasonInvalid || letters[1].Reason != mapper.ReasonTooLarge || letters[1].EventSet != "" {
		t.Errorf("%+v", letters)
	}
}

// What is held against events outlives a batch that is read again with more behind it,
// in another order.
func TestRecall(t *testing.T) {
	b := Make(lane, records(make([]event, 3)...), recipe(mapping{name: "m"}), wide, Decisions{})
	var trials Trials
	for i := range 3 {
		trials.Suspect(&b.Items[i])
	}
	trials.Failed(&b.Items[1], now)
	lo, hi, _, _ := b.Head(0)
	b.Refuse(lo, hi)
	b.Kill(2)
	more := Make(lane, records(event{Tag: "late"}, event{}, event{Tag: "late"}, event{}), recipe(mapping{name: "m"}), wide, Decisions{})
	more.Recall(b.Suspects())
	for i := range more.Items {
		it := &more.Items[i]
		if want := it.Out.MessageID == "1"; it.Lone() != want {
			t.Errorf("%s: lone %v", it.Out.MessageID, it.Lone())
		}
		if trials.OthersPass(it) {
			t.Error("nothing has passed")
		}
	}
	trials.Passed(more, more.Alive(0, 1), now)
	if trials.Accepted() != 1 || trials.Row() != 0 {
		t.Errorf("%+v", trials)
	}
	more.Recall(nil)
}

// What a letter explains is no failure of the connection.
func TestExplained(t *testing.T) {
	b := Make(lane, records(make([]event, 2)...), recipe(mapping{name: "m"}), wide, Decisions{})
	var trials Trials
	x, y := &b.Items[0], &b.Items[1]
	trials.Suspect(x)
	trials.Suspect(y)
	trials.Passed(b, nil, now)
	for range 5 {
		trials.Failed(x, now)
	}
	trials.Explained(x)
	if trials.failed != 0 {
		t.Errorf("%+v", trials)
	}
}

// Of what is old the youngest is tried, once for each group; spans go below and away.
func TestSpans(t *testing.T) {
	week := 8 * 24 * time.Hour
	b := Make(lane, records(event{Age: week}, event{}, event{Age: week + 1, Offline: true}), recipe(mapping{name: "m"}), wide, Decisions{})
	var got []string
	for i := range b.Items {
		if b.IsOld(i) {
			got = append(got, fmt.Sprint(b.Items[i].Out.MessageID, b.FirstOld(i), b.FirstOld(i)))
		}
	}
	if s := strings.Join(got, " "); s != "0true false 2true false" {
		t.Errorf("%s", s)
	}
	b.Rotate()
	b.Drop()
	_, _, open, _ := b.Head(0)
	if b.ids(open) != "2" || !b.Open(open[0]) || b.OpenCount() != 3 || Recipes(b.Items) != 1 {
		t.Errorf("%s, %d open", b.ids(open), b.OpenCount())
	}
	b.Kill(open[0])
	if b.Open(open[0]) || b.OpenCount() != 2 {
		t.Errorf("%d open", b.OpenCount())
	}
}

// A record of which one conversion is decided is settled in part; a letter says what
// else its record makes, and its list comes back with it.
func TestPartsAndLetters(t *testing.T) {
	found := records(event{Lists: []string{"events", "lead"}}, event{Hold: mapper.ReasonFuture})
	b := Make(lane, found, recipe(mapping{name: "m"}), Limits{1, 1 << 20}, Decisions{})
	_, hi, open, _ := b.Head(0)
	b.Accept(hi, open)
	if _, parts := b.Settled(); len(parts) != 1 || parts[0] != (queue.Part{Seq: 10, Slots: 1}) {
		t.Errorf("parts %v", parts)
	}
	if len(b.Holds) != 1 || b.Holds[0].ReleaseAt.IsZero() {
		t.Errorf("holds %+v", b.Holds)
	}
	_, _, open, _ = b.Head(0)
	it := &b.Items[open[0]]
	d := b.Letter(lane, it.Slot, it.Out, mapper.ReasonRejected, "no")
	if d.Slot != 1 || d.Flags.Slots() != 1 || d.List != "lead" || d.MappingHash != "m" {
		t.Errorf("letter %+v", d)
	}
	found.Records = found.Records[:1]
	found.Records[0].Flags, found.Records[0].Settled = d.Flags, 0
	again := Make(lane, found, recipe(mapping{name: "m"}), wide, Decisions{})
	if len(again.Items) != 1 || again.Items[0].Out.List != "lead" {
		t.Errorf("redriven: %+v", again.Items)
	}
	found.Records[0].Settled = 2
	if again = Make(lane, found, recipe(mapping{name: "m"}), wide, Decisions{}); len(again.Alive(0, len(again.Items))) != 0 {
		t.Error("what is settled is sent")
	}
}

// Without a mapping a message that can become no conversion is a letter all the same.
func TestUnusableWithoutMapping(t *testing.T) {
	found := records(event{}, event{})
	letters := Unusable(lane, found, &Recipe{At: now})
	if len(letters) != 2 || letters[0].Seq != 10 || letters[0].MappingHash != "" || letters[0].Reason == "" {
		t.Errorf("%+v", letters)
	}
}

// A note that is cut short, or names a conversion that no record has, is no note.
func TestNoteThatLies(t *testing.T) {
	whole := encodeSent([]sent{{Seq: 7, Slot: 1}})
	for name, b := range map[string][]byte{
		"no end of the number": {0x80},
		"cut short":            whole[:len(whole)-1],
		"slot":                 append([]byte{14, slotsPerRecord}, make([]byte, 8)...),
	} {
		if items, err := decodeSent(b); err == nil {
			t.Errorf("%s: %v", name, items)
		}
		if seqs := InDoubt([]*Note{{Items: b}}); len(seqs) != 0 {
			t.Errorf("%s: in doubt %v", name, seqs)
		}
	}
}

// What a note names is made again only as that: not what the mapping leaves out by now,
// nor the conversion of another list.
func TestItemOfANote(t *testing.T) {
	found := records(event{Lists: []string{rules.ListEvents, rules.ListLead}}, event{Skip: "no_consent"})
	b := Make(lane, found, recipe(mapping{name: "m"}), Limits{Events: 10, Bytes: 1 << 20}, Decisions{})
	for i := range b.Items {
		b.Items[i].Doubt = true
	}
	b.Request(lane, []int{0, 1})
	for i := range b.Items {
		s := b.sent(i)
		if it, ok := b.Item(lane, 0, s); !ok || it.Slot != b.Items[i].Slot {
			t.Errorf("conversion %d: %+v, %t", i, it, ok)
		}
		if _, ok := b.Item(lane, 1, s); ok {
			t.Errorf("conversion %d is found in an event that is left out", i)
		}
	}
	if n := len(b.InDoubt()); n != 2 {
		t.Errorf("%d in doubt", n)
	}
	b.Accept(len(b.Items), []int{0})
	if n := len(b.InDoubt()); n != 1 {
		t.Errorf("%d in doubt after one was accepted", n)
	}
	later := now.Add(time.Hour)
	notes := b.Intent([]int{1}, later)
	if len(notes) != 1 || !notes[0].Sent.Equal(later) {
		t.Errorf("%+v", notes)
	}
	if again := b.Intent([]int{1}, later.Add(time.Hour)); !again[0].Sent.Equal(later) {
		t.Errorf("a repeat is noted as of %v", again[0].Sent)
	}
}

// queue.max_age ends what waited too long, but not what Meta may have already.
func TestMaxAge(t *testing.T) {
	found := records(event{Age: 3 * time.Hour}, event{Age: 3 * time.Hour}, event{Age: time.Minute})
	for i := range found.Records {
		found.Records[i].Received = now.Add(-3 * time.Hour)
	}
	how := recipe(mapping{name: "m"})
	first := Make(lane, found, how, Limits{Events: 10, Bytes: 1 << 20}, Decisions{})
	first.Items[0].Doubt = true
	aged := recipe(mapping{name: "m"})
	aged.Age = time.Hour
	b := Make(lane, found, aged, Limits{Events: 10, Bytes: 1 << 20}, Decisions{Doubt: first.InDoubt()})
	if len(b.Holds) != 1 || b.Holds[0].Reason != mapper.ReasonExpired || b.Holds[0].Seq != found.Records[1].Seq {
		t.Errorf("letters: %+v", b.Holds)
	}
	if len(b.Items) != 2 {
		t.Errorf("%d are sent: what is in doubt and what is younger by its own time must be", len(b.Items))
	}
}
