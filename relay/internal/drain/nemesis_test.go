package drain

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relay/mapper/rules"
	"relay/relay/internal/graph"
)

// judge is Meta as it really is: it knows what it stored and what it said, and holds
// each request against the rules of delivery.
type judge struct {
	t    *testing.T
	rng  *rand.Rand
	seed uint64

	mu      sync.Mutex
	calm    bool
	told    map[string]bool   // Meta said that it has it, in the request before or earlier
	settled map[string]bool   // told, and the lane has made another request since
	doubt   map[string]string // what was sent of something whose fate the lane does not know
	stored  map[string]int
	bad     map[string]bool // refused, with a code
	mute    map[string]bool // whatever holds it draws no answer of Meta's
}

func (j *judge) fail(format string, args ...any) {
	j.t.Errorf("seed %d: "+format, append([]any{j.seed}, args...)...)
}

func (j *judge) answer(_ int, c call) graph.Result {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, id := range c.ids {
		of := c.set + "/" + id
		if j.settled[of] {
			j.fail("%s is sent again after the lane was told that Meta has it, and went on", of)
		}
		if was, ok := j.doubt[of]; ok && was != string(c.req.Data[i]) {
			j.fail("%s was in doubt as %s and is sent as %s", of, was, c.req.Data[i])
		}
	}
	for of := range j.told {
		if strings.HasPrefix(of, c.set) {
			j.settled[of] = true
		}
	}
	has := func(of map[string]bool) bool {
		return slices.ContainsFunc(c.ids, func(id string) bool { return of[id] })
	}
	store := func() {
		for _, id := range c.ids {
			j.stored[c.set+"/"+id]++
		}
	}
	unknown := func(r graph.Result) graph.Result {
		for i, id := range c.ids {
			j.doubt[c.set+"/"+id] = string(c.req.Data[i])
		}
		return r
	}
	if has(j.mute) {
		return unknown([]graph.Result{
			{Class: graph.Retry, HTTPStatus: 403, Foreign: true, Upload: graph.UploadWhole, Message: "a firewall"},
			{Class: graph.Doubt, Upload: graph.UploadWhole, Message: "no answer in time"},
		}[len(c.ids)%2])
	}
	what := j.rng.IntN(20)
	if j.calm {
		what = 19
	}
	switch what {
	case 0:
		store()
		return unknown(graph.Result{Class: graph.Doubt, Upload: graph.UploadWhole, Message: "cut"})
	case 1:
		return unknown(graph.Result{Class: graph.Doubt, HTTPStatus: 502, Upload: graph.UploadWhole, Message: "502"})
	case 2:
		return unknown(graph.Result{Class: graph.Retry, HTTPStatus: 500, Code: 2, Upload: graph.UploadWhole, Message: "passes"})
	case 3:
		return graph.Result{Class: graph.Retry, Message: "no connection"}
	case 4:
		return graph.Result{Class: graph.Retry, Upload: graph.UploadPart, Failure: graph.FailureSlow, Message: "slow"}
	case 5:
		return graph.Result{Class: graph.Throttle, HTTPStatus: 400, Code: 4, RetryAfter: time.Minute}
	case 6:
		return graph.Result{Class: graph.TokenPause, HTTPStatus: 401, Code: 190}
	case 7:
		return graph.Result{Class: graph.InvalidBatch, HTTPStatus: 400, Code: 100, Message: "Invalid appsecret_proof"}
	}
	if has(j.bad) {
		return graph.Result{Class: graph.InvalidEvent, HTTPStatus: 400, Code: 100, Subcode: 2804009, Message: "bad"}
	}
	store()
	for _, id := range c.ids {
		j.told[c.set+"/"+id] = true
	}
	return graph.Result{Class: graph.Delivered, HTTPStatus: 200, Received: len(c.ids)}
}

// Whatever answers come, and whatever is done to it meanwhile, a lane sends nothing
// again that it knows to be delivered, nothing in doubt otherwise than before, and in
// the end everything is delivered or a letter, once.
func TestNemesis(t *testing.T) {
	t.Parallel()
	seeds := uint64(20)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { nemesis(t, seed) })
		if t.Failed() {
			return
		}
	}
}

func nemesis(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	j := &judge{
		t: t, rng: rand.New(rand.NewPCG(seed, 8)), seed: seed, told: map[string]bool{}, settled: map[string]bool{}, doubt: map[string]string{}, stored: map[string]int{},
		bad: map[string]bool{}, mute: map[string]bool{},
	}
	w := newWorld(t)
	for i := range 6 {
		d := fmt.Sprintf("m%d", i+1)
		w.kept[d] = &fakeMapping{digest: d, sets: w.mapping.sets, routes: w.mapping.routes}
	}
	w.opts.Settings.BreakerAfter = 1000
	w.opts.Settings.SplitAfter = 3
	w.opts.Rand = rand.Float64
	w.sender.set(j.answer)
	ids, forgotten := 0, map[string]bool{}
	add := func(n int) {
		j.mu.Lock()
		defer j.mu.Unlock()
		for range n {
			e := fakeEvent{}
			switch rng.IntN(6) {
			case 0:
				e.Lists = []string{rules.ListEvents, rules.ListLead}
			case 1:
				e.Tag = "B"
			}
			id := fmt.Sprintf("e%04d", ids)
			ids++
			for _, list := range append(e.Lists, rules.ListEvents) {
				switch {
				case rng.IntN(60) == 0:
					j.bad[id+"/"+list] = true
				case rng.IntN(80) == 0:
					j.mute[id+"/"+list] = true
				}
			}
			w.log.add([]string{setA, setA, setB}[rng.IntN(3)], id, e)
		}
	}
	add(40)
	w.run()
	for range 40 {
		switch rng.IntN(9) {
		case 0:
			add(rng.IntN(60))
		case 1:
			crash(w)
			w.opts.Settings.MaxEvents = 1 + rng.IntN(60)
			w.run()
		case 2:
			w.stop()
			w.opts.Settings.SplitAfter = 3 + rng.IntN(3)
			w.run()
		case 3:
			w.remap(w.kept[fmt.Sprintf("m%d", 1+rng.IntN(6))].(*fakeMapping))
		case 4:
			w.s.Wake(Forget)
		case 5:
			w.log.mu.Lock()
			i := rng.IntN(len(w.log.recs))
			forgotten[w.log.recs[i].ID] = true
			w.log.forget(i)
			w.log.mu.Unlock()
			w.s.Wake(Forget)
		case 6:
			w.s.Wake(Reload)
		case 7:
			set := w.opts.Settings
			set.MaxEvents = 1 + rng.IntN(100)
			w.s.SetSettings(set)
		}
		pass(time.Duration(rng.IntN(int(10 * time.Minute))))
	}
	j.mu.Lock()
	j.calm = true
	j.mu.Unlock()
	w.s.Wake(Reload | NewToken)
	pass(6 * time.Hour)
	for i := range 12 { // who is alone cannot be told from an outage
		w.log.add(setA, fmt.Sprint("last", i), fakeEvent{})
		w.log.add(setB, fmt.Sprint("last", i), fakeEvent{})
		pass(30 * time.Minute)
	}
	defer func() { w.stop() }()
	letters := map[string]bool{}
	for _, d := range w.log.letters() {
		of := d.EventSet + "/" + d.MessageID + "/" + d.List
		if letters[of] {
			j.fail("two letters of %s", of)
		}
		letters[of] = true
		if j.told[of] {
			j.fail("%s is delivered and a letter (%s)", of, d.Reason)
		}
		if want := j.bad[d.MessageID+"/"+d.List] || j.mute[d.MessageID+"/"+d.List]; !want {
			j.fail("%s is a letter, %s (%d, %d: %s), and there was nothing wrong with it", of, d.Reason, d.Code, d.Subcode, d.Message)
		}
	}
	for _, set := range []string{setA, setB} {
		if st, _ := w.log.Lane(set); st.Pending != 0 {
			j.fail("%d still wait for %s in state %s", st.Pending, set, w.lane(set).State)
		}
	}
	if t.Failed() {
		calls := w.sender.seen()
		for _, c := range calls[max(0, len(calls)-40):] {
			t.Logf("%s %s %d of %q", c.at.Format(time.TimeOnly), c.set, len(c.ids), c.ids[:min(3, len(c.ids))])
		}
		t.Logf("mute %v", j.mute)
	}
	for _, r := range w.log.recs {
		for _, set := range r.Lanes {
			of := set + "/" + r.ID + "/" + rules.ListEvents
			if !j.told[of] && !letters[of] && !forgotten[r.ID] {
				j.fail("%s is in no place", of)
			}
		}
	}
}
