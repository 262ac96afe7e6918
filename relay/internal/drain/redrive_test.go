package drain_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/drain"
)

const setC = "701000000000003"

// counter is what Meta has, by set and name of the conversion, of one event.
type counter struct {
	mu     sync.Mutex
	got    map[string]int
	refuse func(of string) bool // "A Purchase" and the like
}

func (c *counter) serve(w http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	var req struct {
		Data []struct {
			Name string `json:"event_name"`
		} `json:"data"`
	}
	if err != nil || json.Unmarshal(body, &req) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	set := map[string]string{setA: "A", setB: "B", setC: "C"}[strings.Split(r.URL.Path, "/")[2]]
	for _, d := range req.Data {
		if c.refuse(set + " " + d.Name) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804009,"fbtrace_id":"A"}}`)
			return true
		}
	}
	for _, d := range req.Data {
		c.got[set+" "+d.Name]++
	}
	_, _ = fmt.Fprintf(w, `{"events_received":%d,"fbtrace_id":"A"}`, len(req.Data))
	return true
}

func (c *counter) set(refuse func(of string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = refuse
}

// Letters go by today's mapping to where the event was not: no set gets a conversion
// twice, whatever the mapping was, is and becomes, and the dry run says the same.
func TestRedriveSendsNothingTwice(t *testing.T) {
	mapping := func(events, lead string) string {
		m := "version: 1\ndefault_country: US\ndefault_currency: USD\nevents:\n  Other: \"" + setA + "\"\n"
		if events != "" {
			m += "  X: " + events + "\n"
		}
		if lead != "" {
			m += "lead:\n  X: " + lead + "\n"
		}
		return m
	}
	a, b, c := `"`+setA+`"`, `"`+setB+`"`, `"`+setC+`"`
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	only := func(of string) func(string) bool { return func(s string) bool { return s == of } }
	type step struct {
		mapping string
		refuse  func(of string) bool
	}
	for _, tt := range []struct {
		name  string
		steps []step // between two of them all letters are retried
		want  map[string]int
		stay  int // letters
	}{
		{"refused by both sets, then another one", []step{{mapping("["+setA+", "+setB+"]", ""), all}, {mapping(c, ""), none}}, map[string]int{"C X": 1}, 0},
		{"A refused, B took it; then B and C", []step{{mapping("["+setA+", "+setB+"]", ""), only("A X")}, {mapping("["+setB+", "+setC+"]", ""), none}}, map[string]int{"B X": 1, "C X": 1}, 0},
		{"both lists refused, then one set", []step{{mapping(a, a), all}, {mapping(b, ""), none}}, map[string]int{"B X": 1}, 0},
		{"one list refused; its list is gone", []step{{mapping(a, a), only("A X")}, {mapping("", a), none}}, map[string]int{"A Lead": 1}, 0},
		{"A to C and back to A", []step{{mapping(a, ""), all}, {mapping(c, ""), all}, {mapping(a, ""), none}}, map[string]int{"A X": 1}, 0},
		{"to the same set twice", []step{{mapping(a, a), all}, {mapping(a, a), all}, {mapping(a, a), none}}, map[string]int{"A X": 1, "A Lead": 1}, 0},
		{"again A, then B and C, which B had", []step{
			{mapping("["+setA+", "+setB+"]", ""), only("A X")}, {mapping("["+setA+", "+setB+"]", ""), only("A X")}, {mapping("["+setB+", "+setC+"]", ""), none},
		}, map[string]int{"B X": 1, "C X": 1}, 0},
		{"no longer mapped, and mapped again", []step{{mapping(a, a), only("A Lead")}, {mapping("", ""), none}, {mapping(a, a), none}}, map[string]int{"A X": 1, "A Lead": 1}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			meta := &counter{got: map[string]int{}}
			r := newRig(t, "conversions")
			r.front = meta.serve
			r.set.BreakerAfter = 1000
			for i, s := range tt.steps {
				r.use(s.mapping)
				meta.set(s.refuse)
				if i == 0 {
					e := r.event("X", "m", time.Now())
					if _, err := r.q.Append(t.Context(), []queue.Entry{e}); err != nil {
						t.Fatal(err)
					}
					r.run()
					r.empty()
					continue
				}
				var ids []string
				f := r.drain.Foresight()
				made := map[string]bool{}
				send := 0
				for _, d := range r.letters() {
					ids = append(ids, d.ID)
					send += f.Of(d, func(key string) bool { was := made[key]; made[key] = true; return was }).Send
				}
				meta.mu.Lock()
				before := 0
				for _, n := range meta.got {
					before += n
				}
				meta.mu.Unlock()
				if _, err := r.q.Redrive(ids, f.Lanes); err != nil {
					t.Fatal(err)
				}
				r.drain.Wake(drain.NewMapping)
				r.empty()
				meta.mu.Lock()
				after := 0
				for _, n := range meta.got {
					after += n
				}
				meta.mu.Unlock()
				if last := i == len(tt.steps)-1; last && after-before != send {
					t.Errorf("the dry run said that %d would be sent; %d were", send, after-before)
				}
			}
			if !maps.Equal(meta.got, tt.want) || len(r.letters()) != tt.stay {
				t.Errorf("Meta has %v, want %v; letters %+v", meta.got, tt.want, r.letters())
			}
		})
	}
}

// A mapping that moves an event to another list while its batch is under way sends
// nothing again under the other name: neither what was delivered nor what is in doubt.
func TestNewListSendsNothingTwice(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprint("lost ", lost), func(t *testing.T) {
			t.Parallel()
			mapping := func(list string) string {
				return "version: 1\ndefault_country: US\ndefault_currency: USD\n" + list + ":\n  X: \"" + setA + "\"\n"
			}
			r := newRig(t, "conversions")
			r.set.BreakerAfter = 1000
			r.use(mapping("events"))
			var mu sync.Mutex
			names := map[string]map[string]bool{} // by event: the names it was accepted under
			calls := 0
			r.front = func(w http.ResponseWriter, q *http.Request) bool {
				var req struct {
					Data []struct {
						ID   string `json:"event_id"`
						Name string `json:"event_name"`
					} `json:"data"`
				}
				if err := json.NewDecoder(q.Body).Decode(&req); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				calls++
				if calls == 1 && !lost { // one is bad: the rest is found in halves
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, `{"error":{"message":"no","code":100,"error_subcode":2804009,"fbtrace_id":"A"}}`)
					return true
				}
				for _, d := range req.Data {
					if names[d.ID] == nil {
						names[d.ID] = map[string]bool{}
					}
					names[d.ID][d.Name] = true
				}
				if calls == 1 || calls == 2 && !lost {
					r.use(mapping("lead"))
				}
				if calls == 1 {
					w.WriteHeader(http.StatusBadGateway)
					return true
				}
				_, _ = fmt.Fprintf(w, `{"events_received":%d,"fbtrace_id":"A"}`, len(req.Data))
				return true
			}
			r.append("X", "m", 20, time.Now())
			r.run()
			r.empty()
			mu.Lock()
			defer mu.Unlock()
			for id, of := range names {
				if len(of) != 1 {
					t.Errorf("%s went as %v", id, of)
				}
			}
			if len(names) != 20 {
				t.Errorf("%d of 20 arrived", len(names))
			}
		})
	}
}

// An event that drew no answer may be at Meta: sent again it is the same, byte for
// byte, whatever the mapping is by then and over a restart.
func TestUnansweredGoesAgainAsItWas(t *testing.T) {
	t.Parallel()
	r := newRig(t, "conversions")
	mapping := func(name string) string {
		return "version: 1\ndefault_country: US\ndefault_currency: USD\nevents:\n  X: { to: \"" + setA + "\", as: " + name + " }\n"
	}
	r.use(mapping("One"))
	var mu sync.Mutex
	bad := ""
	mute, sent := true, map[string][]string{} // by id, as often as it was sent
	r.front = func(w http.ResponseWriter, q *http.Request) bool {
		var req struct{ Data []json.RawMessage }
		if err := json.NewDecoder(q.Body).Decode(&req); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		ours := false
		for _, d := range req.Data {
			var e struct {
				ID string `json:"event_id"`
			}
			if err := json.Unmarshal(d, &e); err != nil {
				t.Error(err)
			}
			sent[e.ID] = append(sent[e.ID], string(d))
			ours = ours || e.ID == bad
		}
		if ours && mute {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		_, _ = fmt.Fprintf(w, `{"events_received":%d,"fbtrace_id":"A"}`, len(req.Data))
		return true
	}
	bad = r.append("X", "m", 30, time.Now())[3]
	r.run()
	r.empty()
	letters := r.letters()
	if len(letters) != 1 || letters[0].MessageID != bad || letters[0].Recipe != letters[0].MappingHash {
		t.Fatalf("letters %+v", letters)
	}
	r.use(mapping("Two"))
	f := r.drain.Foresight()
	mu.Lock()
	mute = false
	mu.Unlock()
	if n, err := r.q.Redrive([]string{letters[0].ID}, f.Lanes); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	r.close()
	r.open()
	after := r.append("X", "n", 5, time.Now())
	r.run()
	r.empty()
	mu.Lock()
	defer mu.Unlock()
	for _, again := range sent[bad] {
		if again != sent[bad][0] {
			t.Errorf("sent again as %s, first as %s", again, sent[bad][0])
		}
	}
	if !strings.Contains(sent[bad][0], `"One"`) || !strings.Contains(sent[after[0]][0], `"Two"`) || len(r.letters()) != 0 {
		t.Errorf("sent %v", sent)
	}
}
