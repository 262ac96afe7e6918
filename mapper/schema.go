package mapper

import _ "embed"

//go:embed mapping.schema.json
var schemaJSON []byte

// Schema is the JSON Schema (2020-12) of a mapping file, for editors. It knows
// every key and its type; what depends on more than one key only Parse knows.
func Schema() []byte { return schemaJSON }
