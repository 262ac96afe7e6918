package mapper

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	gocmp "github.com/google/go-cmp/cmp"

	"relay/internal/meta"
)

// The schema's parts about Meta's names are generated from the table: the match keys, and the
// values of action_source and customer_segmentation.
func TestSchemaIsMadeFromTheTable(t *testing.T) {
	const file = "mapping.schema.json"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	made(t, jsontext.NewDecoder(bytes.NewReader(have)), jsontext.NewEncoder(&b, jsontext.WithIndent("  ")))
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := gocmp.Diff(string(have), b.String()); d != "" {
		t.Errorf("%s is not what the table says (go test ./mapper -run SchemaIsMade -update, then -run Reference)\n%s", file, d)
	}
	for _, s := range meta.States() {
		if doc := fmt.Sprintf(`{"version": 1, "limited_data_use": {"country": 1, "state": %d}}`, s.Number); validates(t, compiledSchema(t), []byte(doc)) != nil {
			t.Errorf("the schema does not know the state %d", s.Number)
		}
	}
}

// made copies a schema and replaces the parts that are generated from the table.
func made(t *testing.T, from *jsontext.Decoder, to *jsontext.Encoder) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for from.PeekKind() > 0 {
		at := string(from.StackPointer())
		tok, err := from.ReadToken()
		must(err)
		tok = tok.Clone()
		must(to.WriteToken(tok))
		switch here := string(from.StackPointer()); {
		case tok.Kind() == '"' && here == "/properties/match_keys/properties" && here != at:
			must(from.SkipValue())
			must(to.WriteValue(keySchemas()))
		case tok.Kind() == '"' && tok.String() == "enum" && from.PeekKind() == '[':
			list, err := from.ReadValue()
			must(err)
			for _, words := range []meta.Words{meta.ActionSources, meta.Segmentations} {
				if bytes.Contains(list, []byte(`"`+words.Names[0]+`"`)) {
					list = jsontext.Value(`["` + strings.Join(words.Names, `","`) + `"]`)
				}
			}
			must(to.WriteValue(list))
		}
	}
}

// keySchemas are the properties of match_keys.
func keySchemas() jsontext.Value {
	var out []string
	add := func(name, says, ref string) {
		out = append(out, fmt.Sprintf(`%q: {"description": %q, "$ref": "#/$defs/%s"}`, name, says, ref))
	}
	// numbers: what a mapping may write as a bare number.
	number := func(k meta.Key) bool {
		switch k.Form {
		case meta.Phone, meta.Zip, meta.OwnID, meta.Date, meta.LeadID, meta.Text, meta.WholeNumber:
			return true
		}
		return false
	}
	for _, k := range meta.MatchKeys {
		ref := "keyText"
		if number(k) {
			ref = "keyID"
		}
		if k.Several {
			ref += "s"
		}
		says := k.Says
		if says == "" && len(k.From) == 0 {
			says = "No default: list a source to send it"
		}
		if says == "" {
			says = "Default: " + strings.Join(slices.DeleteFunc(slices.Clone(k.From), func(from string) bool {
				return strings.HasPrefix(from, "traits.") || strings.Contains(k.From[0], ".address.") && from != k.From[0]
			}), ", ")
		}
		add(k.Name, says, ref)
	}
	for _, k := range meta.Identifiers {
		ref := "textSources"
		if number(k) {
			ref = "idSources"
		}
		says := cmp.Or(k.Says, "Sent unhashed")
		if k.Says != "" {
			says = "Sent unhashed. " + k.Says
		}
		if k.Web {
			says += "; not on events of action_source physical_store"
		}
		add(k.Name, says+".", ref)
	}
	return jsontext.Value("{" + strings.Join(out, ",") + "}")
}
