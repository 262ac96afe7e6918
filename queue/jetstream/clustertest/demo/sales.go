package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"relay/queue/jetstream/clustertest/rig"
)

// till makes sales at a store and keeps its own records.
type till struct {
	store string
	done  sync.WaitGroup
	ids   []string // of sales that the store's relay answered with 200
}

// sell makes sales until ctx ends, and repeats the last one until it is answered with 200.
func sell(ctx context.Context, i int, r *relay) *till {
	t := &till{store: r.name}
	client := http.Client{Timeout: 5 * time.Second}
	t.done.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			id := fmt.Sprint("sale-", n) // the same in each store
			body := fmt.Sprintf(`{"type":"track","messageId":%q,"event":"Order Completed","userId":"customer-%d-%d","properties":{"order_id":"%s/%d","revenue":19.95,"currency":"USD"},"context":{"traits":{"email":"customer.%d.%d@example.com"}}}`,
				id, i+1, n, r.name, n, i+1, n)
			for tries := 0; tries < 100; tries++ {
				resp, err := client.Post("http://"+r.addr+"/v1/track", "application/json", strings.NewReader(body)) //nolint:noctx // the client has a timeout
				if err == nil {
					io.Copy(io.Discard, resp.Body) //nolint:errcheck // the status counts
					resp.Body.Close()
					if resp.StatusCode == http.StatusOK {
						t.ids = append(t.ids, r.name+":"+id) // as Meta receives it
						break
					}
				}
				time.Sleep(50 * time.Millisecond)
			}
			time.Sleep(30 * time.Millisecond)
		}
	})
	return t
}

// simulate starts `relay sandbox`, the simulator of Meta.
func (s *show) simulate() error {
	port, err := rig.FreePort()
	if err != nil {
		return err
	}
	s.graph = fmt.Sprint("127.0.0.1:", port)
	cmd := exec.CommandContext(s.ctx, s.program, "sandbox", "--listen", s.graph)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the simulator: %w", err)
	}
	s.simulator = &relay{name: "simulator", cmd: cmd}
	return s.until(patience, "the simulator does not start", func() bool { return s.ask("mode", `{"latency_ms":150}`, nil) == nil })
}

// ask calls the simulator.
func (s *show) ask(what, body string, answer any) error {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(s.ctx, method, "http://"+s.graph+"/sandbox/"+what, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("call the simulator: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("call the simulator: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("call the simulator: status %d", resp.StatusCode)
	}
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("call the simulator: %w", err)
	}
	return nil
}

// received is the simulator's report about a list of sales.
type received struct {
	Missing    int
	Unexpected int // that no store sold
	Repeated   int // received more than once
	Changed    int // of these, with different content
}

func (s *show) received(ids []string) (r received, err error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(ids); err != nil {
		return r, fmt.Errorf("call the simulator: %w", err)
	}
	return r, s.ask("verify", b.String(), &r)
}

// count waits until everything is delivered, and reconciles.
func (s *show) count(tills []*till) error {
	var all []string
	for _, t := range tills {
		t.done.Wait()
		all = append(all, t.ids...)
	}
	for _, r := range s.stores {
		if err := s.until(patience, r.name+" still keeps sales", r.empty); err != nil {
			return err
		}
	}
	s.say("Every store's relay has handed over what it had.")
	if err := s.until(patience, "sales are still not at Meta", func() bool {
		r, err := s.received(all)
		return err == nil && r.Missing == 0
	}); err != nil {
		return err
	}
	s.say("Everything is at Meta. What %s shows of the stores:\n", s.hub[1].name)
	time.Sleep(time.Second)
	shown, err := s.hub[1].command("status", "--stores")
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%sTAKEN is what %s took itself.\n\n", shown, s.hub[1].name)

	total, err := s.received(all)
	if err != nil {
		return err
	}
	var got struct {
		Events     int // including duplicates
		Unique     int
		Duplicates int // of those, the ones Meta would drop by its rule
	}
	if err := s.ask("stats", "", &got); err != nil {
		return err
	}
	twice := got.Events - got.Duplicates - got.Unique
	tab := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "\tsold, answered 200\treceived by Meta\tlost\t")
	for _, t := range tills {
		r, err := s.received(t.ids)
		if err != nil {
			return err
		}
		fmt.Fprintf(tab, "%s\t%d\t%d\t%d\t\n", t.store, len(t.ids), len(t.ids)-r.Missing, r.Missing)
	}
	fmt.Fprintf(tab, "all\t%d\t%d\t%d\t\n", len(all), got.Unique, total.Missing)
	if err := tab.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	fmt.Fprintf(s.out, "\nReceived and never sold: %d. Counted twice: %d.\n", total.Unexpected, twice)
	if total.Repeated > 0 {
		fmt.Fprintf(s.out, "%d sales were on their way when %s was killed, and were sent again unchanged: Meta counts such once.\n", total.Repeated, s.hub[0].name)
	}
	if got.Unique != len(all) || twice != 0 || total.Missing+total.Unexpected+total.Changed > 0 {
		return fmt.Errorf("the counts do not reconcile: %+v %+v", total, got)
	}
	fmt.Fprintf(s.out, "It reconciles: %d sold, %d received, 0 lost, 0 twice. It took %.0f s.\n", len(all), got.Unique, time.Since(s.start).Seconds())
	return nil
}
