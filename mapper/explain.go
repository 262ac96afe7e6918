package mapper

import (
	"time"

	"relay/mapper/event"
	"relay/mapper/match"
)

// Explanation is an Outcome with the source of each field of its conversion.
type Explanation struct {
	Outcome
	Fields []Field `json:"fields"`
}

// Explain is Map with explanations; it runs the same code. The fields show customer data
// unmasked; see Field.Masked.
func (m *Mapping) Explain(ev Event, now time.Time, opts ...Option) []Explanation {
	outcomes, fields := m.run(ev, "", now, true, opts)
	out := make([]Explanation, len(outcomes))
	for i := range outcomes {
		out[i] = Explanation{Outcome: outcomes[i], Fields: []Field{}}
		if i < len(fields) && fields[i] != nil {
			out[i].Fields = fields[i]
		}
	}
	return out
}

// Masked returns the field with customer data reduced to its shape: letters as x or X, digits
// as 9. It keeps the hash, because the hash is sent.
func (f Field) Masked() Field {
	if f.personalRaw {
		f.Raw = event.Mask(f.Raw)
	}
	if !f.personal {
		return f
	}
	f.Raw, f.Value = event.Mask(f.Raw), event.Mask(f.Value)
	steps := make([]Step, len(f.Steps))
	for i, s := range f.Steps {
		steps[i] = Step{Rule: s.Rule, Result: event.Mask(s.Result)}
	}
	f.Steps = steps
	return f
}

// Field explains where one field of a conversion comes from, or why it was left out.
type Field struct {
	Field   string `json:"field"`            // name in the conversion
	Source  string `json:"source"`           // path in the event, or a name such as default_country
	Line    int    `json:"line,omitempty"`   // in the mapping; 0: a built-in rule
	Raw     string `json:"raw,omitempty"`    // the original value as JSON
	Steps   []Step `json:"steps,omitempty"`  // rules that changed it
	Value   string `json:"value,omitempty"`  // normal form, or the value that is sent, as JSON
	Hash    string `json:"sha256,omitempty"` // sent instead of the value
	LeftOut string `json:"left_out,omitempty"`
	Code    string `json:"code,omitempty"` // code of the note, if left out

	personal    bool
	personalRaw bool // only Raw can contain customer data
}

// Step is one rule that changed a value.
type Step struct {
	Rule   string `json:"rule"`
	Result string `json:"result"`
}

// tracer collects the fields of an explanation. Its methods are only called if a tracer is set,
// so that mapping without one costs nothing.
type tracer struct{ fields []Field }

// begin inserts a field before the fields recorded so far.
func (x *tracer) begin(name, source string, line int, value string) {
	x.fields = append([]Field{{Field: name, Source: source, Line: line, Value: value}}, x.fields...)
}

// field records a field that is sent unhashed.
func (x *tracer) field(name, source string, line int, raw *event.Node, steps []match.Step, value string) {
	x.fields = append(x.fields, Field{Field: name, Source: source, Line: line, Raw: rawText(raw), Steps: exportSteps(steps), Value: value})
}

// custom records a property that is sent, at least in part.
func (x *tracer) custom(name, source string, line int, raw *event.Node, value string) {
	x.field("custom_data."+event.FieldName(name), source, line, raw, nil, value)
	f := &x.fields[len(x.fields)-1]
	f.personalRaw = f.Raw != f.Value
}

// key records a match key.
func (x *tracer) key(k match.Key, source string, line int, raw *event.Node, n match.Value, sum string) {
	f := Field{Field: match.Table[k].Name, Source: source, Line: line, Raw: rawText(raw), Steps: exportSteps(n.Steps), Value: n.Form, personal: true}
	if k.Hashed() {
		f.Hash = sum
	}
	x.fields = append(x.fields, f)
}

// leftOut records a value that is not sent, with the reason.
func (x *tracer) leftOut(name, source string, line int, raw *event.Node, n match.Value) {
	x.fields = append(x.fields, Field{Field: name, Source: source, Line: line, Raw: rawText(raw), Steps: exportSteps(n.Steps), LeftOut: n.Why, Code: n.Code, personal: true})
}

// drop changes a recorded field to one that is left out.
func (x *tracer) drop(name, code, why string) {
	for i := range x.fields {
		if f := &x.fields[i]; f.Field == name && f.LeftOut == "" {
			f.LeftOut, f.Code = why, code
		}
	}
}

func exportSteps(steps []match.Step) []Step {
	var out []Step
	for _, s := range steps {
		out = append(out, Step{s.Rule, s.Result})
	}
	return out
}

// rawText returns a value as JSON.
func rawText(n *event.Node) string {
	if n == nil {
		return ""
	}
	return string(event.AppendNode(nil, n))
}
