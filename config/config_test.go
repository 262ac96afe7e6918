package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"relay/internal/strictyaml"
)

// contractFile is relay.yaml as docs/contract.md 6 has it.
const contractFile = `listen: 127.0.0.1:8585
admin: { listen: 127.0.0.1:8586 }
mapping: examples/mapping.yaml
auth: { write_keys: ["${env:RELAY_WRITE_KEY:-}"] }
queue: { path: data }               # a directory; relative paths are relative to this file
# queue.max_size: smaller of 4 GiB and 80 % of the volume · queue.max_age: 62d, then dead letter ` + "`expired`" + `
graph:
  endpoint: https://graph.facebook.com
  version: v26.0
  access_token: ${env:META_ACCESS_TOKEN:-}   # or access_token_file, re-read when it changes
rate: { requests_per_second: 2, burst: 4 }
batch: { max_events: 1000, max_bytes: 4MiB, max_wait: 2s }
log: { level: info, format: auto }
`

var sameConfig = cmp.Options{
	cmpopts.IgnoreUnexported(Config{}),
	cmp.Comparer(func(a, b Secret) bool { return a.Equal(b) }),
}

// The shipped file is the same configuration as the one in the contract, with and without its two
// variables, and has no warnings.
func TestShippedFileIsTheContracts(t *testing.T) {
	for _, env := range []map[string]string{nil, {"RELAY_WRITE_KEY": "key-1", "META_ACCESS_TOKEN": "token-1"}} {
		shipped, warnings, err := Load("../relay.yaml", environment(env))
		must(t, err)
		for _, w := range warnings {
			t.Errorf("warning: %s", w.Render())
		}
		contract, _, err := Parse("../relay.yaml", []byte(contractFile), environment(env))
		must(t, err)
		if d := cmp.Diff(contract, shipped, sameConfig); d != "" {
			t.Errorf("-contract +shipped\n%s", d)
		}
		if got := len(shipped.Auth.WriteKeys); got != min(1, len(env)) {
			t.Errorf("%d write keys with %v", got, env)
		}
		if got := shipped.Graph.AccessToken.Reveal(); got != env["META_ACCESS_TOKEN"] {
			t.Errorf("token %q with %v", got, env)
		}
	}
}

var (
	keyLine     = regexp.MustCompile(`^( *)(# )?([a-z_]+):( .*)?$`)
	lineComment = regexp.MustCompile(`(\S) +# .*$`)
)

// Every key of the table is in the shipped file once, set or in a comment. A comment shows the
// table's default, and (live) is at exactly the keys that take effect while relay runs.
func TestShippedFileShowsEveryDefault(t *testing.T) {
	src, err := os.ReadFile("../relay.yaml")
	must(t, err)
	shown := map[string]string{} // key: the value a comment shows, or "in force"
	live := map[string]bool{}
	var sections []string
	sectionLive := false
	for line := range strings.SplitSeq(string(src), "\n") {
		m := keyLine.FindStringSubmatch(strings.TrimRight(lineComment.ReplaceAllString(line, "$1"), " "))
		if m == nil {
			continue
		}
		name, value := m[3], strings.TrimSpace(m[4])
		saysLive := strings.Contains(line, "(live")
		depth := len(m[1]) / 2
		sections = append(sections[:min(depth, len(sections))], name)
		if m[2] == "" && value == "" {
			sectionLive = saysLive
			continue
		}
		key := strings.Join(sections, ".")
		if depth == 0 {
			sectionLive = false
		}
		if _, twice := shown[key]; twice {
			t.Errorf("%s is shown twice", key)
		}
		live[key] = saysLive || m[1] != "" && sectionLive
		shown[key] = "in force"
		if m[2] != "" {
			shown[key] = value
		}
	}
	for _, s := range settings() {
		got, ok := shown[s.key]
		delete(shown, s.key)
		want := s.def
		switch {
		case want == "" && (s.kind == kindTexts || s.kind == kindKeys || s.kind == kindSecrets):
			want = "[]"
		case want == "" && s.kind == kindColumns:
			want = "{}"
		case want == "":
			want = `""`
		}
		switch {
		case !ok:
			t.Errorf("%s is not shown", s.key)
		case got != "in force" && got != want:
			t.Errorf("%s is shown as %s, its default is %s", s.key, got, want)
		}
		if live[s.key] != s.hot && s.key != "log.format" {
			t.Errorf("%s: the file says live=%v, the table %v", s.key, live[s.key], s.hot)
		}
	}
	for key := range shown {
		t.Errorf("%s is shown and is no key", key)
	}
}

// Without the comment signs the file still loads, and is the default configuration.
func TestShippedFileUncommented(t *testing.T) {
	src, err := os.ReadFile("../relay.yaml")
	must(t, err)
	uncommented := regexp.MustCompile(`(?m)^( *)# ([a-z_]+: )`).ReplaceAllString(string(src), "$1$2")
	plain, _, err := Load("../relay.yaml", environment(nil))
	must(t, err)
	full, warnings, err := Parse("../relay.yaml", []byte(strings.Replace(uncommented, "yaml-language-server: ", "# ", 1)), environment(nil))
	must(t, err)
	if len(warnings) > 0 {
		t.Errorf("warnings: %v", warnings)
	}
	if d := cmp.Diff(plain, full, sameConfig, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-plain +uncommented\n%s", d)
	}
	for key, value := range printed(t, full) {
		if strings.HasSuffix(value, " # default") {
			t.Errorf("%s is not in the uncommented file", key)
		}
	}
}

// In every row of the table the default parses, is within its bounds and is one of the choices, and
// no other row has the same field.
func TestTable(t *testing.T) {
	c := Default("")
	seen := map[any]string{}
	for _, s := range settings() {
		p := s.at(c)
		if other := seen[p]; other != "" {
			t.Errorf("%s and %s share a field", s.key, other)
		}
		seen[p] = s.key
		if s.doc == "" || !strings.HasSuffix(s.doc, ".") {
			t.Errorf("%s: doc %q is no sentence", s.key, s.doc)
		}
		for _, bound := range []string{s.least, s.most} {
			if bound == "" {
				continue
			}
			if _, err := s.parseBound(bound); err != nil {
				t.Errorf("%s: bound %q: %v", s.key, bound, err)
			}
		}
		if len(s.choices) > 0 && !slices.Contains(s.choices, s.def) {
			t.Errorf("%s: default %q is no choice", s.key, s.def)
		}
		if s.def == "" {
			continue
		}
		// The default, written into a file, is accepted and changes nothing.
		text, indent := "", ""
		for part := range strings.SplitSeq(s.key, ".") {
			text += "\n" + indent + part + ":"
			indent += "  "
		}
		text += " " + quoteYAML(s.def) + "\n"
		got, _, err := Parse("relay.yaml", []byte(text), environment(nil))
		if err != nil {
			t.Errorf("%s: its default is refused: %v", s.key, err)
			continue
		}
		hot, cold := Changed(Default("."), got)
		if changed := append(hot, cold...); len(changed) > 0 {
			t.Errorf("%s: its default changes %v", s.key, changed)
		}
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	c, _, err := Parse("/etc/relay/relay.yaml", []byte(`
listen: unix:run/relay.sock
admin: { listen: unix:///run/admin.sock }
mapping: maps/m.yaml
spool: /var/spool/relay
queue: { path: ../../var/lib/relay }
graph: { access_token_file: secrets/token }
`), environment(nil))
	must(t, err)
	got := []string{c.Listen, c.Admin.Listen, c.Mapping, c.Spool.Dir, c.Queue.Path, c.Graph.AccessTokenFile, c.TLS.Cert}
	want := []string{"unix:/etc/relay/run/relay.sock", "unix:/run/admin.sock", "/etc/relay/maps/m.yaml", "/var/spool/relay", "/var/lib/relay", "/etc/relay/secrets/token", ""}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	files := []string{"/etc/relay/relay.yaml", "/etc/relay/maps/m.yaml", "/etc/relay/secrets/token"}
	if d := cmp.Diff(files, c.Files); d != "" {
		t.Errorf("files to watch: %s", d)
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, _, err := Load("no-such.yaml", Options{})
	if err == nil || err.Error() != "read no-such.yaml: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestInvalidNamesThePlace(t *testing.T) {
	c, _, err := Parse("relay.yaml", []byte("queue:\n  path: data\n  max_size: 1TiB\n"), environment(nil))
	must(t, err)
	e := c.Invalid("queue.max_size", "%s is more than the volume has", "1TiB")
	want := "relay.yaml:3:13: queue.max_size: 1TiB is more than the volume has\n  3 |   max_size: 1TiB\n    |             ^"
	if e.Problems.Render() != want {
		t.Errorf("got %s", e.Problems.Render())
	}
	var ps strictyaml.Problems = e.Problems
	if len(ps) != 1 || c.Invalid("queue.max_age", "x").Problems[0].Line != 1 {
		t.Error("a key that is not in the file is placed at the top")
	}
}

// spool is a directory, or a section that also describes the tables in it.
func TestSpool(t *testing.T) {
	c, _, err := Parse("/etc/relay/relay.yaml", []byte(`
spool:
  dir: drop
  event: Order Completed
  columns: { timestamp: Date + Time, "context.traits.email": E-Mail, "": [Clerk, "Note: a"] }
  time_format: "02/01/2006 15:04"
  header_row: 3
  group_by: Order No.
  id: Order No.
  separator: tab
  encoding: windows-1250
  timezone: Europe/Warsaw
spool_keep: 0
`), environment(nil))
	must(t, err)
	want := Spool{
		Dir: "/etc/relay/drop", Event: "Order Completed", TimeFormat: "02/01/2006 15:04", HeaderRow: 3, GroupBy: "Order No.", ID: "Order No.", Separator: "tab", Encoding: "windows-1250", Timezone: "Europe/Warsaw",
		Columns: []SpoolColumn{{"timestamp", "Date + Time"}, {"context.traits.email", "E-Mail"}, {"", "Clerk"}, {"", "Note: a"}},
	}
	if d := cmp.Diff(want, c.Spool); d != "" || c.SpoolKeep != 0 {
		t.Errorf("keep %v\n%s", c.SpoolKeep, d)
	}
	if got := printed(t, c)["spool.columns"]; !strings.HasPrefix(got, `{"timestamp": Date + Time, "context.traits.email": E-Mail, "": [Clerk, "Note: a"]} # file, line 5`) {
		t.Errorf("printed as %s", got)
	}
	for text, want := range map[string]string{
		"spool: drop\n": "", "spool: ${env:NONE:-}\n": "", "spool:\n": "", "spool: {dir: \"\", id: \"\", columns: {}, header_row: 0, unsent: false}\n": "",
		"spool: {unsent: true}\n":                         "relay.yaml:1:17: spool.unsent: spool.dir is not set",
		"spool: [drop]\n":                                 "relay.yaml:1:8: spool: expected an object, found a list",
		"spool: {id: Bon}\n":                              "relay.yaml:1:13: spool.id: spool.dir is not set",
		"spool: {dir: d, columns: [a]}\n":                 "relay.yaml:1:26: spool.columns: expected an object, found a list",
		"spool: {dir: d, columns: {timestamp: [a, b]}}\n": "spool.columns.timestamp: names several columns",
		"spool: {dir: d, colums: {}}\n":                   `unknown key "colums"`,
		"spool: {dir: d, header_row: -1}\n":               "spool.header_row",
		"spool_keep: ever\n":                              "spool_keep: expected a duration",
	} {
		_, _, err := Parse("relay.yaml", []byte(text), environment(nil))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
