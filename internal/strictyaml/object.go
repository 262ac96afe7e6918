package strictyaml

import (
	"fmt"
	"slices"
)

// Object reads the fields of an object and records which keys the caller knows. The
// zero Object has no fields.
type Object struct {
	value  Value
	fields []Field
	index  map[string]int
	asked  map[string]bool
	known  []string // requested names, in order; the candidates for suggestions of Done
}

// Field is a key and its value.
type Field struct {
	Name  string
	Key   Value // position of the key
	Value Value
}

// Object returns the fields of an object. A null value is an object without fields.
// Anything else is a problem; the Object returned with false has no fields.
func (v Value) Object() (*Object, bool) {
	o := &Object{value: v, index: map[string]int{}, asked: map[string]bool{}}
	switch k := v.Kind(); k {
	case ObjectKind:
	case NullKind:
		return o, true
	default:
		v.Errorf("expected an object, found %s", k).WithHint(`write "key: value" lines below it, or {key: value}`)
		return o, false
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, val := v.node.Content[i], v.node.Content[i+1]
		if _, twice := o.index[key.Value]; twice || !usableKey(key) {
			continue // reported by Parse
		}
		path := join(v.path, key.Value)
		o.index[key.Value] = len(o.fields)
		o.fields = append(o.fields, Field{Name: key.Value, Key: v.doc.value(key, path), Value: v.doc.value(val, path)})
	}
	return o, true
}

// Value returns the object as a value.
func (o *Object) Value() Value { return o.value }

// Len returns the number of fields.
func (o *Object) Len() int { return len(o.fields) }

// Field returns the value of a key and records the key as known.
func (o *Object) Field(name string) (Value, bool) {
	o.Allow(name)
	i, ok := o.index[name]
	if !ok {
		return Value{}, false
	}
	return o.fields[i].Value, true
}

// Need is Field for a required key: its absence is a problem at the
// object.
func (o *Object) Need(name string) (Value, bool) {
	v, ok := o.Field(name)
	if !ok {
		o.value.Errorf("the key %q is missing", name)
	}
	return v, ok
}

// Fields returns every field in the order of the file and records all keys as
// known: for objects whose keys are freely chosen names.
func (o *Object) Fields() []Field {
	for _, f := range o.fields {
		o.asked[f.Name] = true
	}
	return slices.Clone(o.fields)
}

// Allow records keys as known without reading them.
func (o *Object) Allow(names ...string) {
	if o.asked == nil {
		o.asked = map[string]bool{}
	}
	for _, name := range names {
		if !slices.Contains(o.known, name) {
			o.known = append(o.known, name)
		}
		o.asked[name] = true
	}
}

// Unknown returns the fields whose keys are not known.
func (o *Object) Unknown() []Field {
	var out []Field
	for _, f := range o.fields {
		if !o.asked[f.Name] {
			out = append(out, f)
		}
	}
	return out
}

// Done reports every unknown key, with the most similar known key as a hint.
// Without one, elsewhere can return a hint, such as where the key
// belongs.
func (o *Object) Done(elsewhere ...func(name string) string) {
	for _, f := range o.Unknown() {
		message := fmt.Sprintf("unknown key %q", f.Name)
		if o.value.path != "" {
			message = o.value.path + ": " + message
		}
		p := o.value.doc.add(f.Key.at.Line, f.Key.at.Column, message)
		free := slices.DeleteFunc(slices.Clone(o.known), func(name string) bool {
			_, used := o.index[name]
			return used
		})
		if best := Suggest(f.Name, free); best != "" {
			p.Hint = fmt.Sprintf("did you mean %q?", best)
		}
		for _, hint := range elsewhere {
			if h := hint(f.Name); p.Hint == "" && h != "" {
				p.Hint = h
			}
		}
	}
}
