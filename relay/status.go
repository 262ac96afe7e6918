package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relay/internal/screen"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/session"
	"relay/relay/internal/spool"
	"relay/relay/internal/term"
)

func newStatusCommand() *cobra.Command {
	var asJSON, watch, stores bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show waiting events, rates, and the state and last error of each event set",
		Long: `Shows the state of the running relay. When relay is not running, the command reads the
queue directory itself; rates and last errors are then unknown.`,
		Example: "  relay status\n  relay status --watch\n  relay status --stores\n  relay status --json | jq .queue.pending",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				if stores {
					return showStores(ctx, d, out, asJSON)
				}
				show := func(s api.Status) error {
					if asJSON {
						return term.JSONLine(out, s)
					}
					return printStatus(out, s, d.Offline)
				}
				if !watch || d.Offline {
					s, err := d.Status(ctx)
					if err != nil {
						return err
					}
					return show(s)
				}
				var perr error
				err := d.Watch(ctx, func(s api.Status) bool {
					if !asJSON && screen.IsTerminal(out) {
						fmt.Fprint(screen.Raw(out), "\x1b[H\x1b[2J")
					}
					perr = show(s)
					return perr == nil
				})
				return cmp.Or(perr, err)
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().BoolVar(&stores, "stores", false, "list the stores whose relays forward to this one")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "refresh every few seconds until interrupted")
	c.MarkFlagsMutuallyExclusive("stores", "watch")
	return c
}

// showStores lists the stores whose relays forward to this one, with what each of
// them reported last.
func showStores(ctx context.Context, d *session.Session, out io.Writer, asJSON bool) error {
	list, err := d.Stores(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		for _, s := range list {
			if err := term.JSONLine(out, s); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		fmt.Fprintln(out, "no key in auth.keys names a store")
		return nil
	}
	t := term.NewTable(out, "STORE", "LAST SEEN", "WAITING THERE", "OLDEST", "RECEIVED", "VERSION", "FORGETS PENDING")
	for _, s := range list {
		if s.LastSeen.IsZero() {
			t.Row(s.Store, "not since start", "-", "-", "0", "-", fmt.Sprint(s.Forgets))
			continue
		}
		oldest := "-"
		if !s.Oldest.IsZero() {
			oldest = term.Stamp(s.Oldest)
		}
		t.Row(s.Store, term.Stamp(s.LastSeen), fmt.Sprint(s.Waiting), oldest, fmt.Sprint(s.Events), s.Version, fmt.Sprint(s.Forgets))
	}
	return t.Flush()
}

func printStatus(out io.Writer, s api.Status, offline bool) error {
	state := term.Colour(out, "32", "ready")
	switch {
	case offline:
		state = term.Colour(out, "33", "not running") + " (read from the queue directory)"
	case !s.Ready:
		state = term.Colour(out, "31", "not ready")
	}
	fmt.Fprintf(out, "relay %s  %s", s.Build.Version, state)
	if !offline {
		fmt.Fprintf(out, "  up %s  pid %d", term.Span(s.Now.Sub(s.StartedAt).Seconds()), s.PID)
	}
	fmt.Fprintln(out)
	for _, w := range s.NotReady {
		if offline {
			break // the queue is open read-only in this process, so it is never ready
		}
		fmt.Fprintf(out, "  ! %s\n", w)
	}
	q := s.Queue
	fmt.Fprintf(out, "queue  %d waiting, %d unmapped, %s; %s of %s on disk", q.Pending, q.Unmapped, term.Count(int(q.Dead), "dead letter"), advice.Size(q.Bytes), advice.Size(q.MaxBytes))
	if q.OldestAt != nil && q.Pending > 0 {
		fmt.Fprintf(out, "; oldest %s", term.Span(s.Now.Sub(*q.OldestAt).Seconds()))
	}
	if q.DrainSeconds != nil && q.Pending > 0 {
		fmt.Fprintf(out, "; empty in about %s", term.Span(*q.DrainSeconds))
	}
	fmt.Fprintln(out)
	printLosses(out, q)
	if d := s.Delivers; d != nil && !d.Here {
		fmt.Fprintf(out, "standby  %s\n", advice.Standby(d.Relay, d.Silent))
	}
	printRelays(out, s.Relays)
	if n := s.Totals.Received[api.ReceivedIDConflict]; n > 0 {
		fmt.Fprintf(out, "%s  %s %s\n", term.Colour(out, "31", "ids"), advice.IDConflicts(n, "since start"), advice.FixIDConflicts)
	}
	if !offline {
		fmt.Fprintf(out, "rates  %.1f events/s in, %.1f conversions/s delivered\n", s.Rates.In, s.Rates.Delivered)
		if off := s.ClockSkew; off > 60 || off < -60 {
			way := "ahead of"
			if off < 0 {
				way, off = "behind", -off
			}
			whose := "Meta's"
			if s.Forwards != "" {
				whose = "the hub's"
			}
			fmt.Fprintf(out, "clock  %s\n", term.Colour(out, "33", fmt.Sprintf("%s %s %s: correct it, preferably with NTP", term.Span(off), way, whose)))
		}
		if s.Forwards == "" {
			printFile(out, "mapping", s.Mapping)
		} else {
			fmt.Fprintf(out, "mapping  %s\n", advice.MappingAtHub(s.Forwards))
		}
		printFile(out, "config ", s.Config)
		printSpool(out, s)
	}
	fmt.Fprintln(out)
	t := term.NewTable(out, "EVENT SET", "NAME", "STATE", "WAITING", "LAG", "DELIVERED", "DEAD", "LAST SUCCESS")
	for _, l := range s.Lanes {
		lag := ""
		if l.Pending > 0 {
			lag = term.Span(l.LagSeconds)
		}
		t.Row(l.Lane, l.Name, l.State, fmt.Sprint(l.Pending), lag, fmt.Sprint(l.Counts["delivered"]), fmt.Sprint(l.Dead), term.StampPtr(l.LastSuccessAt))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printTroubles(out, s.Lanes)
	return nil
}

// printLosses prints what was dropped, damaged or lost, and the last disk error.
func printLosses(out io.Writer, q api.QueueInfo) {
	if q.Refused > 0 {
		fmt.Fprintf(out, "%s  %s to become dead letters\n", term.Colour(out, "33", "unusable"), term.Count(int(q.Refused), "message")+" from batches waiting")
	}
	if words := droppedWords(q.Dropped); words != "" {
		fmt.Fprintf(out, "%s  %s\n", term.Colour(out, "33", "dropped"), words)
	}
	if q.DamagedChunks+q.DamagedFiles+int64(q.BadFiles) > 0 {
		fmt.Fprintf(out, "%s  %s found, at least %s lost; %s quarantined (.bad)\n", term.Colour(out, "31", "damage"),
			term.Count(int(q.DamagedChunks), "damaged chunk"), term.Count(int(q.LostRecords), "event"), term.Count(q.BadFiles, "file"))
	}
	if q.Rebuilt {
		fmt.Fprintf(out, "%s  meta.db was lost or damaged: every event set started over, so some events are sent again\n", term.Colour(out, "31", "damage"))
	}
	if q.LastError != "" {
		fmt.Fprintf(out, "%s  %s: %s\n", term.Colour(out, "31", "disk"), term.StampPtr(q.LastErrorAt), q.LastError)
	}
}

// droppedWords returns how many events were dropped since the start, by reason; "" for none.
func droppedWords(dropped map[string]int64) string {
	var words []string
	for _, reason := range slices.Sorted(maps.Keys(dropped)) {
		if n := dropped[reason]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, reason))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ", ") + " since start"
}

// printSpool prints the state of the spool directory, if there is one.
func printSpool(out io.Writer, s api.Status) {
	d := s.Spool
	if d == nil {
		return
	}
	fmt.Fprintf(out, "spool    %s  %s waiting", d.Dir, term.Count(d.Waiting, "file"))
	if d.Refused > 0 {
		fmt.Fprintf(out, ", %s", term.Colour(out, "33", fmt.Sprintf("%d in refused", d.Refused)))
	}
	fmt.Fprintln(out)
	for _, say := range d.Says {
		switch say.About {
		case spool.AboutDirectory:
			fmt.Fprintf(out, "  %s: %s\n", term.Colour(out, "31", say.What), say.Todo)
		case spool.AboutNotTaken:
			fmt.Fprintf(out, "  %s %s, the oldest for %s: %s\n", term.Colour(out, "33", "not imported:"), say.What, term.Span(s.Now.Sub(d.Since).Seconds()), say.Todo)
		case spool.AboutRefused:
			fmt.Fprintf(out, "  %s %s: %s\n", term.Colour(out, "33", "not stored:"), say.What, say.Todo)
		}
	}
}

// printTroubles prints each problem of the lanes and its fix, once for all lanes that
// have the same problem, such as a refused token.
func printTroubles(out io.Writer, lanes []api.LaneInfo) {
	var order []string
	same := map[string][]*api.LaneInfo{}
	for i := range lanes {
		words := troubleWords(&lanes[i])
		if words == "" {
			continue
		}
		if same[words] == nil {
			order = append(order, words)
		}
		same[words] = append(same[words], &lanes[i])
	}
	for _, words := range order {
		var names []string
		var last time.Time
		for _, l := range same[words] {
			if len(names) < namedLanes {
				names = append(names, l.Lane)
			}
			if l.LastError != nil && l.LastError.At.After(last) {
				last = l.LastError.At
			}
		}
		sets := strings.Join(names, ", ")
		if n := len(same[words]) - len(names); n > 0 {
			sets += " and " + term.Count(n, "more event set")
		}
		fmt.Fprintf(out, "\n%s: %s", sets, strings.Replace(words, troubleAt, term.Stamp(last), 1))
	}
}

// namedLanes is the most event sets named for one problem.
const namedLanes = 5

// troubleAt is a placeholder for the time of an error, so that event sets with the same
// error at different times compare equal.
const troubleAt = "\x00"

// troubleWords returns the problem of a lane and its fix; "" when it has none.
func troubleWords(l *api.LaneInfo) string {
	e := l.LastError
	if e != nil && l.Failures == 0 && (l.Pending == 0 || l.LastSuccessAt != nil && !e.At.After(*l.LastSuccessAt)) {
		e = nil // solved
	}
	if e == nil && (l.Next == "" || l.Pending == 0) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s.", l.Headline)
	if l.Next != "" {
		fmt.Fprintf(&b, " %s", l.Next)
	}
	b.WriteByte('\n')
	if len(l.DryRun) > 0 {
		fmt.Fprintf(&b, "  %s\n", dryRunWords(l.DryRun))
	}
	if e == nil {
		return b.String()
	}
	fmt.Fprintf(&b, "  %s: %s", troubleAt, cmp.Or(e.Message, e.Class))
	if e.Code != 0 {
		fmt.Fprintf(&b, " (code %d/%d)", e.Code, e.Subcode)
	}
	b.WriteByte('\n')
	if e.Advice != "" {
		fmt.Fprintf(&b, "  %s\n", e.Advice)
	}
	return b.String()
}

// dryRunWords returns how much of the backlog would be sent, held and skipped, and why.
func dryRunWords(counts map[string]int64) string {
	words := []string{fmt.Sprintf("would send %d", counts["send"])}
	for _, k := range []struct{ kind, verb string }{{"dead:", "hold"}, {"skip:", "skip"}} {
		var sum int64
		var reasons []string
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			if reason, ok := strings.CutPrefix(key, k.kind); ok {
				sum += counts[key]
				reasons = append(reasons, fmt.Sprintf("%s %d", reason, counts[key]))
			}
		}
		if sum > 0 {
			words = append(words, fmt.Sprintf("%s %d (%s)", k.verb, sum, strings.Join(reasons, ", ")))
		}
	}
	return strings.Join(words, ", ")
}

func printFile(out io.Writer, name string, f api.FileState) {
	fmt.Fprintf(out, "%s  %s", name, f.File)
	if f.Digest != "" {
		fmt.Fprintf(out, "  %s", f.Digest)
	}
	if f.LoadedAt != nil {
		fmt.Fprintf(out, "  since %s", f.LoadedAt.Local().Format(time.DateTime))
	}
	if f.FromStore {
		fmt.Fprint(out, "  (the last valid version; the file is refused)")
	}
	fmt.Fprintln(out)
	if len(f.NeedRestart) > 0 {
		fmt.Fprintf(out, "  %s: %s\n", term.Colour(out, "33", "needs a restart"), strings.Join(f.NeedRestart, ", "))
	}
	if r := f.Restless; r != nil {
		fmt.Fprintf(out, "  %s since %s: %s; relay loads it when it stops changing, or on `relay reload`\n", term.Colour(out, "33", "keeps changing"), term.Stamp(r.Since), r.File)
	}
	if r := f.Refused; r != nil {
		fmt.Fprintf(out, "  %s at %s: %s\n", term.Colour(out, "31", "refused"), term.Stamp(r.At), r.Message)
	}
}

// printRelays lists the relays that share the queue, if there are several.
func printRelays(out io.Writer, all []api.Relay) {
	if len(all) < 2 {
		return
	}
	var names []string
	for _, r := range all {
		var notes []string
		if r.Here {
			notes = append(notes, "this one")
		}
		if r.Delivers {
			notes = append(notes, "delivers")
		}
		if r.Mapping != all[0].Mapping {
			notes = append(notes, "uses a different mapping")
		}
		if r.SeenSeconds > 10 {
			notes = append(notes, "last seen "+term.Span(r.SeenSeconds)+" ago")
		}
		name := r.Name
		if len(notes) > 0 {
			name += " (" + strings.Join(notes, ", ") + ")"
		}
		names = append(names, name)
	}
	fmt.Fprintf(out, "relays  %s\n", strings.Join(names, ", "))
}
