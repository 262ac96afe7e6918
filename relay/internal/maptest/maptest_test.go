package maptest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"relay/internal/strictyaml"
	"relay/mapper"
)

const example = "../../../examples/mapping.test.yaml"

func schemaError(t *testing.T, src []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("tests.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("tests.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	file, err := strictyaml.Parse("tests.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(file.Root().JSON()))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// The example passes under the example mapping, and is what its schema says.
func TestExample(t *testing.T) {
	src, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemaError(t, src); err != nil {
		t.Error(err)
	}
	suite, err := Read(example, src)
	if err != nil {
		t.Fatal(err)
	}
	file, ok := strings.CutSuffix(example, ".test.yaml")
	if path, found := Path(file + ".yaml"); !ok || !found || path != example {
		t.Errorf("the tests of %s.yaml are looked for at %s", file, path)
	}
	mapping, err := os.ReadFile(file + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := mapper.Parse(file, mapping)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range suite.Run(m) {
		t.Errorf("%d: %s", f.Line, f)
	}
}

func TestSchemaAgreesWithRead(t *testing.T) {
	const head = "version: 1\ntests:\n  - name: a\n    event: { event: x }\n"
	for text, ok := range map[string]bool{
		head + "    expect: { outcome: send }\n":                                              true,
		head + "    expect: [{ outcome: skip, reason: unmapped }]\n":                          true,
		head + "    api: offline\n    expect: { outcome: send, conversion: {}, notes: [] }\n": true,
		head + "    expect: []\n":                                                             false,
		head + "    expect: { outcome: sent }\n":                                              false,
		head + "    expect: { reason: x }\n":                                                  false,
		head + "    expect: { outcome: send, conversions: {} }\n":                             false,
		head:                      false,
		"version: 1\ntests: []\n": false,
		"version: 1\n":            false,
		"version: 2\ntests: [{ name: a, event: {}, expect: { outcome: send } }]\n": false,
	} {
		_, err := Read("tests.yaml", []byte(text))
		if (err == nil) != ok {
			t.Errorf("Read: %q: %v", text, err)
		}
		if err := schemaError(t, []byte(text)); (err == nil) != ok {
			t.Errorf("schema: %q: %v", text, err)
		}
	}
}
