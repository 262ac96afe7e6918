package config

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object is a JSON object that keeps the order of its keys.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// referencePattern matches a value that is expanded at load.
const referencePattern = `\$\{`

// Schema returns the JSON Schema (2020-12) of relay.yaml, for editors. It
// has keys, types, choices and defaults; Load checks bounds and rules between
// keys.
func Schema() []byte {
	root := &object{}
	sections := map[string]*object{"": root}
	for _, s := range settings() {
		section, name := s.section()
		o := schemaSection(sections, section)
		*o = append(*o, member{name, s.schema()})
	}
	out, err := json.MarshalIndent(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "relay.yaml"},
		{"description", "Configuration of relay."},
		{"type", "object"},
		{"additionalProperties", false},
		{"properties", root},
	}, "", "  ")
	if err != nil {
		panic(err) // texts, booleans and lists of them always marshal
	}
	return append(out, '\n')
}

// schemaSection returns the properties of a section. A new one is added to its outer
// section.
func schemaSection(sections map[string]*object, section string) *object {
	if o := sections[section]; o != nil {
		return o
	}
	outer, name := "", section
	if i := strings.LastIndexByte(section, '.'); i >= 0 {
		outer, name = section[:i], section[i+1:]
	}
	around, o := schemaSection(sections, outer), &object{}
	sections[section] = o
	types := []string{"object", "null"}
	if shortOf(section) != "" {
		types = append(types, "string")
	}
	*around = append(*around, member{name, object{
		{"type", types},
		{"additionalProperties", false},
		{"properties", o},
	}})
	return o
}

func (s setting) schema() object {
	out := object{{"description", s.doc}}
	out = append(out, s.schemaType()...)
	if s.def != "" {
		out = append(out, member{"default", s.schemaDefault()})
	}
	return out
}

// schemaDefault returns the default as a JSON value.
func (s setting) schemaDefault() any {
	switch s.kind {
	case kindBool:
		return s.def == "true"
	case kindWhole, kindNumber:
		return json.Number(s.def)
	}
	return s.def
}

func (s setting) schemaType() object {
	text := object{{"type", "string"}}
	either := func(first ...object) object { return object{{"anyOf", first}} }
	matching := func(pattern string) object {
		return object{{"type", "string"}, {"pattern", pattern + "|" + referencePattern}}
	}
	integer := object{{"type", "integer"}, {"minimum", 0}}
	switch s.kind {
	case kindBool:
		return either(object{{"type", "boolean"}}, matching(`^(true|false)$`))
	case kindWhole:
		return either(integer, matching(`^(0|[1-9][0-9]*)$`))
	case kindNumber:
		return either(object{{"type", "number"}, {"minimum", 0}}, matching(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`))
	case kindMode:
		return either(integer, matching(`^(0o)?[0-7]{3,4}$`))
	case kindDuration:
		return either(object{{"const", 0}}, matching(`^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+)$`))
	case kindSize:
		auto := ""
		if s.auto != "" {
			auto = "|^" + s.auto + "$"
		}
		return either(integer, matching(`^[0-9]+(\.[0-9]+)? ?(([kKmMgGtT][iI]?)?[bB])?$`+auto))
	case kindSecret, kindPath, kindAddress, kindURL, kindWebhook:
		return object{{"type", []string{"string", "null"}}}
	case kindSecrets, kindTexts:
		return either(text, object{{"type", "array"}, {"items", text}}, object{{"type", "null"}})
	case kindColumns:
		return object{{"type", []string{"object", "null"}}, {"additionalProperties", either(text, object{{"type", "array"}, {"items", text}})}}
	case kindKeys:
		return object{{"type", []string{"array", "null"}}, {"items", object{
			{"type", "object"},
			{"additionalProperties", false},
			{"oneOf", []object{{{"required", []string{"key"}}}, {{"required", []string{"key_hash"}}}}},
			{"anyOf", []object{{{"required", []string{"events"}}}, {{"required", []string{"store"}}}}},
			{"properties", object{
				{"key", text},
				{"key_hash", text},
				{"store", text},
				{"events", either(text, object{{"type", "array"}, {"items", text}, {"minItems", 1}})},
			}},
		}}}
	}
	if len(s.choices) > 0 {
		return either(object{{"enum", s.choices}}, object{{"type", "string"}, {"pattern", referencePattern}})
	}
	return text
}
