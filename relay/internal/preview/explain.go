package preview

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"relay/internal/screen"
	"relay/mapper"
	"relay/relay/internal/track"
)

// explain prints the outcomes of an event with the origin of each field, as text or as JSON
// lines.
func (p *Printer) explain(msg track.Message, ev mapper.Event, opt mapper.Option) error {
	var explained []mapper.Explanation
	if x, ok := p.unmapped(&msg, ev, opt); ok {
		explained = []mapper.Explanation{{Outcome: x, Fields: []mapper.Field{}}}
	} else {
		explained = p.o.Mapping.Explain(ev, p.o.Now, opt)
	}
	for _, x := range explained {
		x.Index = p.index
		if x.Kind == mapper.Hold {
			p.held++
		}
		if !p.o.ShowPII {
			for i := range x.Fields {
				x.Fields[i] = x.Fields[i].Masked()
			}
		}
		if p.o.JSON {
			enc := json.NewEncoder(p.out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(x); err != nil {
				return fmt.Errorf("write explanation: %w", err)
			}
			continue
		}
		text := explanation{file: filepath.Base(p.o.File), x: x}
		if p.printed {
			text.WriteByte('\n')
		}
		p.printed = true
		text.write()
		if _, err := p.out.WriteString(text.String()); err != nil {
			return fmt.Errorf("write explanation: %w", err)
		}
	}
	p.index++
	return nil
}

// explanation formats an outcome as text of at most explainWidth columns.
type explanation struct {
	strings.Builder
	file string
	x    mapper.Explanation
}

const (
	explainWidth  = 100
	explainIndent = 18 // column of sources and values
)

func (e *explanation) write() {
	x := e.x
	name := x.Event
	if name == "" {
		name = "(no event name)"
	}
	e.line(0, "event %d  %s  %s", x.Index, name, x.MessageID)
	switch x.Kind {
	case mapper.Send:
		e.line(0, "send to %s, %s format, upload_tag %s", x.EventSet, x.API, x.UploadTag)
	default:
		what := string(x.Kind)
		if x.EventSet != "" {
			what += " for " + x.EventSet
		}
		what += ": " + x.Reason
		if x.Message != "" {
			what += ", " + x.Message
		}
		e.wrap(0, what)
	}
	left := 0
	for _, f := range x.Fields {
		if f.LeftOut != "" {
			left++
			continue
		}
		e.field(f)
	}
	if left > 0 {
		e.line(0, "left out")
	}
	for _, f := range x.Fields {
		if f.LeftOut != "" {
			e.leftOut(f)
		}
	}
	if len(x.Notes) > 0 {
		e.line(0, "notes")
	}
	for _, n := range x.Notes {
		at := n.Code
		if n.Field != "" {
			at += " " + n.Field
		}
		e.wrap(2, at+": "+n.Message)
	}
}

// field writes where a field comes from, its steps, and the value that is sent.
func (e *explanation) field(f mapper.Field) {
	if short := f.Value + "  ← " + e.from(f); f.Hash == "" && len(f.Steps) == 0 && (f.Raw == "" || f.Raw == f.Value) &&
		explainIndent+utf8.RuneCountInString(short) <= explainWidth {
		e.named(f.Field, short)
		return
	}
	e.named(f.Field, "← "+e.from(f))
	if f.Raw != "" && f.Raw != f.Value {
		e.line(explainIndent, "%s", f.Raw)
	}
	for _, s := range f.Steps {
		e.line(explainIndent, "→ %s  (%s)", s.Result, s.Rule)
	}
	switch {
	case f.Hash != "" && f.Hash == f.Value:
		e.line(explainIndent, "sent unchanged: %s", f.Hash)
	case f.Hash != "":
		if len(f.Steps) == 0 && f.Raw != `"`+f.Value+`"` {
			e.line(explainIndent, "→ %s", f.Value)
		}
		e.line(explainIndent, "sha256 %s", f.Hash)
	case len(f.Steps) == 0 || f.Steps[len(f.Steps)-1].Result != f.Value:
		e.line(explainIndent, "→ %s", f.Value)
	}
}

func (e *explanation) leftOut(f mapper.Field) {
	e.named(f.Field, "← "+e.from(f))
	if f.Raw != "" {
		e.line(explainIndent, "%s", f.Raw)
	}
	for _, s := range f.Steps {
		e.line(explainIndent, "→ %s  (%s)", s.Result, s.Rule)
	}
	why := f.LeftOut
	if f.Code != "" {
		why += " [" + f.Code + "]"
	}
	e.wrap(explainIndent, "✗ "+why)
}

// from returns where a field comes from, and the line of the mapping that uses it.
func (e *explanation) from(f mapper.Field) string {
	if f.Line > 0 {
		return fmt.Sprintf("%s (%s:%d)", f.Source, e.file, f.Line)
	}
	return f.Source
}

// named writes the name of a field, and from beside or below it.
func (e *explanation) named(name, from string) {
	if utf8.RuneCountInString(name)+3 > explainIndent {
		e.line(2, "%s", name)
		e.line(explainIndent, "%s", from)
		return
	}
	e.line(2, "%-*s%s", explainIndent-2, name, from)
}

// line writes a line, truncated to the width.
func (e *explanation) line(indent int, format string, args ...any) {
	text := strings.Repeat(" ", indent) + screen.Line(fmt.Sprintf(format, args...))
	if utf8.RuneCountInString(text) > explainWidth {
		text = string([]rune(text)[:explainWidth-1]) + "…"
	}
	e.WriteString(strings.TrimRight(text, " "))
	e.WriteByte('\n')
}

// wrap writes text on as many lines as it needs.
func (e *explanation) wrap(indent int, text string) {
	width := explainWidth - indent
	hang := 0
	line := ""
	for w := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width-hang {
			e.line(indent+hang, "%s", line)
			line, hang = "", 2
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	e.line(indent+hang, "%s", line)
}
