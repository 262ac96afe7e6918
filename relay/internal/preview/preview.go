// Package preview says what events would become, with no network and no queue: `relay map`,
// and what an import says before it stores anything.
package preview

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"relay/internal/disk"
	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/track"
)

// Options are what a Printer shows, and by what.
type Options struct {
	Mapping *mapper.Mapping
	File    string // the mapping's
	Store   string // whose relay forwarded the events
	API     meta.API
	Now     time.Time // of receipt, and of the attempt
	Most    int       // bytes of an event
	Explain bool      // how each field came about
	Privacy bool      // only the fields that would leave
	JSON    bool      // of an explanation, or of the fields
	ShowPII bool      // in an explanation
}

// Printer maps events and prints their outcomes.
type Printer struct {
	o      Options
	out    *bufio.Writer
	index  int
	held   int
	fields leaving
	seen   map[string]uint64 // fingerprint of the first event of each messageId

	printed bool // an explanation, which the next one keeps away from
}

// NewPrinter makes a Printer that writes to out.
func NewPrinter(out io.Writer, o Options) *Printer {
	return &Printer{o: o, out: bufio.NewWriterSize(out, 64<<10), seen: make(map[string]uint64)}
}

// Held is how many outcomes would be held.
func (p *Printer) Held() int { return p.held }

// Finish writes what is left to write, after an error of Read too.
func (p *Printer) Finish(failed error) error {
	if failed == nil && p.o.Privacy {
		failed = p.fields.print(p.out, p.o.JSON, p.index)
	}
	return errors.Join(failed, p.out.Flush())
}

// Read prints the outcomes of the events of a file; - is stdin.
func (p *Printer) Read(name string, stdin io.Reader) error {
	in := stdin
	if name != "-" {
		f, err := disk.Open(name)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Size() > maxEvents {
			return fmt.Errorf("read events: %s has more than %s, which is all that is read at once; give a part of it, such as: head -n 100000 %s | relay map -", name, "256 MiB", disk.ShellWord(name))
		}
		in = f
	}
	if err := readEvents(in, p.o.Most, p.event); err != nil {
		return fmt.Errorf("read events from %s: %w", name, err)
	}
	return nil
}

// whole is the outcome of a message that never comes to be mapped: one that is
// unusable, or that has the messageId of one before. ok is false for any other.
func (p *Printer) whole(msg *track.Message, ev mapper.Event, opt mapper.Option) (x mapper.Outcome, ok bool) {
	id := string(msg.ID)
	switch {
	case msg.Problem != nil:
		return track.Unusable(p.o.Mapping.Map(ev, p.o.Now, opt), msg.Body, id, msg.Flags), true
	case !msg.Track || id == "":
		return x, false
	}
	first, known := p.seen[id]
	switch {
	case !known:
		p.seen[id] = msg.Print
		return x, false
	case first != msg.Print:
		return track.IDConflict(nil, msg.Body, id), true
	}
	return mapper.Outcome{MessageID: id, Event: string(msg.Event), Kind: mapper.Skip, Reason: mapper.ReasonDuplicate}, true
}

func (p *Printer) event(msg track.Message) error {
	ev := track.Mapped(msg.Body, "", p.o.Now, msg.Flags)
	ev.Store = p.o.Store
	opt := mapper.OverrideAPI(p.o.API)
	if p.o.Explain {
		return p.explain(msg, ev, opt)
	}
	var outs []mapper.Outcome
	if x, ok := p.whole(&msg, ev, opt); ok {
		outs = []mapper.Outcome{x}
	} else {
		outs = p.o.Mapping.Map(ev, p.o.Now, opt)
	}
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	if p.o.Privacy {
		p.index++
		for i := range outs {
			if outs[i].Kind == mapper.Hold {
				p.held++
			}
			p.fields.take(&outs[i])
		}
		return nil
	}
	for _, x := range outs {
		x.Index = p.index
		if x.Kind == mapper.Hold {
			p.held++
		}
		if err := enc.Encode(x); err != nil {
			return fmt.Errorf("write outcome: %w", err)
		}
	}
	p.index++
	return nil
}
