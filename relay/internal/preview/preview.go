// Package preview shows what events would become, without network or queue: for `relay map`.
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

// Options of a Printer.
type Options struct {
	Mapping *mapper.Mapping
	File    string    // path of the mapping
	Store   string    // the store whose relay forwarded the events
	API     meta.API  // overrides the mapping; "": it does not
	Now     time.Time // time of receipt and of the attempt
	Most    int       // bytes of an event
	Explain bool      // print the origin of each field
	Privacy bool      // print only the list of fields
	JSON    bool      // for Explain and Privacy
	ShowPII bool      // for Explain
}

// Printer maps events and prints their outcomes.
type Printer struct {
	o      Options
	out    *bufio.Writer
	index  int
	held   int
	fields fieldList
	seen   map[string]uint64 // fingerprint of the first event of each messageId

	printed bool // an explanation; the next one starts with an empty line
}

// NewPrinter returns a Printer that writes to out.
func NewPrinter(out io.Writer, o Options) *Printer {
	return &Printer{o: o, out: bufio.NewWriterSize(out, 64<<10), seen: make(map[string]uint64)}
}

// Held returns how many outcomes would be held.
func (p *Printer) Held() int { return p.held }

// Finish writes the rest of the output. The caller passes the error of Read, if any.
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
			return fmt.Errorf("read events: %s is larger than 256 MiB; use a part of it, such as: head -n 100000 %s | relay map -", name, disk.ShellWord(name))
		}
		in = f
	}
	if err := readEvents(in, p.o.Most, p.event); err != nil {
		return fmt.Errorf("read events from %s: %w", name, err)
	}
	return nil
}

// unmapped returns the outcome of a message that is not mapped, because it is unusable or
// has the messageId of an earlier one. ok is false for any other message.
func (p *Printer) unmapped(msg *track.Message, ev mapper.Event, opt mapper.Option) (x mapper.Outcome, ok bool) {
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
		p.seen[id] = msg.Fingerprint
		return x, false
	case first != msg.Fingerprint:
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
	if x, ok := p.unmapped(&msg, ev, opt); ok {
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
			p.fields.add(&outs[i])
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
