package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"relay/internal/strictyaml"
)

func TestEffectiveNamesOriginsAndHidesSecrets(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "hunter2\n")
	c, _, err := Parse(filepath.Join(dir, "relay.yaml"), []byte(`listen: 127.0.0.1:1
admin: { token: hunter2-hunter2-hunter2 }
auth:
  write_keys: ["${env:KEY}", "${env:NONE:-}"]
  keys: [{ key: hunter2, events: [Order Completed] }]
graph:
  access_token_file: token
  proxy: http://user:hunter2@proxy.example.com:3128
rate: { burst: "${env:NONE:-7}" }
alerts: { webhook: "https://hooks.example.com/T0/hunter2?x=hunter2" }
`), environment(map[string]string{"KEY": "hunter2-b"}))
	must(t, err)
	got := printed(t, c)
	for key, want := range map[string]string{
		"listen":             "127.0.0.1:1 # file, line 1",
		"admin.listen":       "127.0.0.1:8586 # default",
		"admin.token":        `"<secret>" # file, line 2`,
		"auth.write_keys":    `["${env:KEY}"] # env KEY`,
		"auth.keys":          `[{key: "<secret>", events: [Order Completed]}] # file, line 5`,
		"graph.access_token": `"<secret>" # secret file ` + filepath.Join(dir, "token"),
		"graph.proxy":        `"http://<secret>@proxy.example.com:3128" # file, line 8`,
		"alerts.webhook":     `"https://hooks.example.com/<secret>" # file, line 10`,
		"rate.burst":         "7 # file, line 9",
		"queue.max_size":     "auto # default",
		"batch.max_bytes":    "4MiB # default",
		"queue.max_age":      "62d # default",
		"graph.app_secret":   `"" # default`,
	} {
		if got[key] != want {
			t.Errorf("%s: got %s, want %s", key, got[key], want)
		}
	}
	var b bytes.Buffer
	must(t, c.WriteYAML(&b))
	if strings.Contains(b.String(), "hunter2") {
		t.Errorf("tells a secret:\n%s", &b)
	}
	// The output is YAML with known keys.
	doc, err := strictyaml.Parse("printed", b.Bytes())
	must(t, err)
	if n := strings.Count(b.String(), "\n"); n < len(settings()) || doc.Root().IsNull() {
		t.Errorf("%d lines", n)
	}
}

// A value that came through ${…} is treated as a secret, at every key and next to any text.
func TestReferencesAreShownInsteadOfValues(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tg"), "TELEGRAMSECRET123456\n")
	c, _, err := Parse(filepath.Join(dir, "relay.yaml"), []byte(`admin: { token: "x-${env:HIDDEN}" }
auth:
  keys: [{ key: "${env:NONE:-}", events: [A] }, { key: "${env:HIDDEN}", events: [Order Completed, "${env:HIDDEN}"] }]
graph: { partner_agent: "${env:AGENT}", proxy: "http://u:${env:HIDDEN}@proxy.example.com:3128" }
rate: { burst: "${env:BURST:-7}" }
alerts: { command: ["${env:NONE:-}", /usr/bin/true, --token, "${file:tg}", "chat=${file:tg}", "$${env:HIDDEN}"] }
spool: "${env:NONE:-drop}"
`), environment(map[string]string{"AGENT": "HIDDENagent", "HIDDEN": "HIDDENhiddenHIDDEN77", "BURST": "5"}))
	must(t, err)
	got := printed(t, c)
	for key, want := range map[string]string{
		"admin.token":         `"<secret>" # env HIDDEN`,
		"auth.keys":           `[{key: "${env:HIDDEN}", events: [Order Completed, "${env:HIDDEN}"]}] # env HIDDEN`,
		"graph.partner_agent": `"${env:AGENT}" # env AGENT`,
		"graph.proxy":         `"<secret>" # env HIDDEN`,
		"rate.burst":          `"${env:BURST}" # env BURST`,
		"alerts.command":      `[/usr/bin/true, "--token", "${file:tg}", "chat=${file:tg}", "${env:HIDDEN}"] # secret file tg`,
		"spool.dir":           filepath.Join(dir, "drop") + " # file, line 7",
	} {
		if got[key] != want {
			t.Errorf("%s: got %s, want %s", key, got[key], want)
		}
	}
	var b bytes.Buffer
	must(t, c.WriteYAML(&b))
	for _, secret := range []string{"TELEGRAM", "HIDDENagent", "hiddenHIDDEN"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("tells %s:\n%s", secret, &b)
		}
	}
}

// Without secrets the printed configuration loads again, as the same configuration.
func TestWriteYAMLLoadsAgain(t *testing.T) {
	first, _, err := Load("../relay.yaml", environment(nil))
	must(t, err)
	var b bytes.Buffer
	must(t, first.WriteYAML(&b))
	again, _, err := Parse("relay.yaml", b.Bytes(), environment(nil))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if hot, cold := Changed(first, again); len(hot)+len(cold) > 0 {
		t.Errorf("changed: %v %v\n%s", hot, cold, b.String())
	}
}

// golden compares text with a committed file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(path, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not what the table says (go test ./config -update)\n%s", path, d)
	}
}

func TestReferenceIsCommitted(t *testing.T) {
	golden(t, "REFERENCE.md", Reference())
	for _, s := range settings() {
		if !strings.Contains(Reference(), "| `"+s.key+"` |") {
			t.Errorf("%s is not in the reference", s.key)
		}
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	must(t, err)
	compiler := jsonschema.NewCompiler()
	must(t, compiler.AddResource("relay.schema.json", doc))
	s, err := compiler.Compile("relay.schema.json")
	must(t, err)
	return s
}

// asJSON returns a YAML text as JSON, for an editor's schema check.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	doc, err := strictyaml.Parse("x", []byte(text))
	must(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc.Root().JSON()))
	must(t, err)
	return v
}

func TestSchema(t *testing.T) {
	golden(t, "relay.schema.json", string(Schema()))
	s := schema(t)
	shipped, err := os.ReadFile("../relay.yaml")
	must(t, err)
	if !strings.HasPrefix(string(shipped), "# yaml-language-server: $schema=config/relay.schema.json\n") {
		t.Error("relay.yaml does not name its schema")
	}
	for _, text := range []string{
		string(shipped), contractFile,
		"queue: { max_size: auto, dead_max_age: 0, segment_size: 1048576 }\nintake:\nauth: { write_keys: abc }\n",
		"rate: { burst: \"${env:B:-4}\", requests_per_second: 0.5 }\ngraph: { dry_run: true, proxy: none }\nalerts: { command: [mail, root] }\n",
		"log: { level: \"${env:LEVEL:-info}\" }\nauth: { keys: [{ key: a, events: Order Completed }] }\n",
	} {
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("the schema refuses\n%s\n%v", text, err)
		}
		if _, _, err := Parse("relay.yaml", []byte(text), environment(nil)); err != nil {
			t.Errorf("Load refuses\n%s\n%v", text, err)
		}
	}
	for _, text := range []string{
		"lsten: x\n", "rate: { brust: 1 }\n", "rate: { burst: many }\n", "rate: { burst: 1.5 }\n", "log: { level: loud }\n",
		"batch: { max_wait: 2 }\n", "batch: { max_bytes: 4M }\n", "graph: { dry_run: yes }\n", "auth: { keys: [{ key: a }] }\n", "listen: [a]\n",
	} {
		if s.Validate(asJSON(t, text)) == nil {
			t.Errorf("the schema accepts %s", text)
		}
		if _, _, err := Parse("relay.yaml", []byte(text), environment(nil)); err == nil {
			t.Errorf("Load accepts %s", text)
		}
	}
}

// printed returns the output of WriteYAML by key: "value # origin".
func printed(t *testing.T, c *Config) map[string]string {
	t.Helper()
	var b bytes.Buffer
	must(t, c.WriteYAML(&b))
	out := map[string]string{}
	var sections []string
	for line := range strings.Lines(b.String()) {
		key, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		sections = append(sections[:depth], key)
		if rest == "" {
			continue
		}
		i := strings.LastIndex(rest, " # ")
		out[strings.Join(sections, ".")] = strings.TrimSpace(rest[:i]) + rest[i:]
	}
	if len(out) != len(settings()) {
		t.Fatalf("%d keys of %d are printed:\n%s", len(out), len(settings()), &b)
	}
	return out
}
