package mapper

import _ "embed"

//go:embed mapping.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (2020-12) of a mapping file, for editors. It has every key and
// its type. Only Parse checks what depends on several keys.
func Schema() []byte { return schemaJSON }
