package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"relay/internal/screen"
	"relay/mapper"
	"relay/relay/internal/advice"
	"relay/relay/internal/spool"
)

// progressEvery is how often a line is written where there is no terminal.
const progressEvery = 10 * time.Second

// importProgress shows how far an import is: a bar on a terminal, elsewhere a
// line every ten seconds.
type importProgress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar // nil: no terminal
	begun time.Time
	last  time.Time
	now   func() time.Time
}

func newImportProgress(out io.Writer) *importProgress {
	p := &importProgress{out: out, now: time.Now}
	p.begun = p.now()
	p.last = p.begun
	if isTerminal(out) {
		p.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(screen.Raw(out)), progressbar.OptionShowBytes(true),
			progressbar.OptionSetDescription("looking at the file"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	return p
}

func (p *importProgress) update(s spool.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		if s.Size > 0 {
			if p.bar.GetMax64() != s.Size {
				p.bar.ChangeMax64(s.Size)
			}
			p.bar.Describe(fmt.Sprintf("%d rows", s.Rows))
			_ = p.bar.Set64(s.Bytes)
		}
		return
	}
	now := p.now()
	if now.Sub(p.last) < progressEvery {
		return
	}
	p.last = now
	if s.Size == 0 {
		fmt.Fprintf(p.out, "looking at the file: %s\n", advice.Size(s.Surveyed))
		return
	}
	fmt.Fprintf(p.out, "%d rows, %d %% of %s, %d stored, %d refused\n", s.Rows, 100*s.Bytes/s.Size, advice.Size(s.Size), s.Stored, s.Refused)
}

// say writes a line of its own.
func (p *importProgress) say(line string) {
	if line != "" {
		_, _ = p.Write([]byte(line + "\n"))
	}
}

// Write lets log lines through without tearing the bar.
func (p *importProgress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	return p.out.Write(b)
}

func (p *importProgress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// forecast tallies what the first rows would become.
type forecast struct {
	mapping *mapper.Mapping
	now     time.Time
	kinds   map[mapper.Kind]int
	reasons map[mapper.Kind]map[string]int
}

func newForecast(m *mapper.Mapping, now time.Time) *forecast {
	return &forecast{mapping: m, now: now, kinds: map[mapper.Kind]int{}, reasons: map[mapper.Kind]map[string]int{}}
}

// add is spool.Options.Check: it finds no fault, for what is held can be
// redriven once the mapping is corrected.
func (f *forecast) add(event []byte) string {
	for _, x := range f.mapping.Map(mapper.Event{Body: event, Received: f.now, Imported: true}, f.now) {
		f.kinds[x.Kind]++
		if x.Reason != "" {
			if f.reasons[x.Kind] == nil {
				f.reasons[x.Kind] = map[string]int{}
			}
			f.reasons[x.Kind][x.Reason]++
		}
	}
	return ""
}

// words says it in a line.
func (f *forecast) words(rows int) string {
	var parts []string
	for _, k := range []struct {
		kind mapper.Kind
		word string
	}{{mapper.Send, "to send"}, {mapper.Hold, "held as dead letters"}, {mapper.Skip, "not sent"}} {
		n := f.kinds[k.kind]
		if n == 0 {
			continue
		}
		why := ""
		if r := f.reasons[k.kind]; len(r) > 0 {
			var list []string
			for _, name := range slices.Sorted(maps.Keys(r)) {
				list = append(list, fmt.Sprintf("%s %d", name, r[name]))
			}
			why = " (" + strings.Join(list, ", ") + ")"
		}
		parts = append(parts, fmt.Sprintf("%d %s%s", n, k.word, why))
	}
	return fmt.Sprintf("%s checked; with the mapping in force: %s", count(rows, "row"), strings.Join(parts, ", "))
}
