package mapper

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relay/internal/meta"
)

const librariesFile = "testdata/meta-libraries.txt"

// why relay is right where Meta's libraries give something else, by key. The
// measure is the documentation of the customer parameters, and the hash that
// Meta holds of a person who gave the same fact themselves.
var why = []struct{ key, reason string }{
	{"phone", `Meta documents the country code as required; neither library adds one, so a till's national number never matches.
The builder takes every leading zero off and keeps the trunk zero of +44 (0)20; the SDK (which throws on what it
does not like) keeps it too. Both hash extensions into the number, and placeholders such as 000-000-0000.
relay reads numbers by the numbering plan of the address's country, and leaves out what no plan allows.`},
	{"email", `Both refuse what stands around an address (display names, mailto:, brackets), though the address is there. Both hash
noreply@, test@test.com and none@none.com, which would join strangers. Neither knows full-width letters or
zero-width characters; the SDK passes an MD5 on as if it were a SHA-256.`},
	{"gender", `The SDK throws on everything but f and m. The builder knows English words; relay also those of other tills' languages.`},
	{"first_name", `Documentation: lower case, no punctuation, UTF-8 in composed form (valéry). The SDK keeps punctuation and inner spaces,
both keep decomposed accents, typographic apostrophes, emoji, titles and placeholders such as n/a.`},
	{"last_name", `As first names.`},
	{"city", `Documentation: lower case, no punctuation, special characters or spaces, else UTF-8. The builder deletes every letter
that is not a-z (zürich becomes zrich); the SDK keeps punctuation it does not list. Neither drops
districts and postcodes beside the city.`},
	{"state", `Documentation: two letters in the US, in full elsewhere. The SDK knows no names; the builder cuts every country's states
to two letters (Bayern becomes ba) and finds names inside other names.`},
	{"zip", `Documentation: lower case, no spaces, no dash; US first five digits. The builder keeps the space of m1 1ae; both keep nine
digits in one run, country prefixes, and lose the zeros that spreadsheets eat.`},
	{"country", `Documentation: ISO 3166-1 alpha-2. The SDK throws on names; the builder cuts what it does not know to two letters, so
Schweiz becomes sc, the Seychelles.`},
	{"external_id", `The two libraries do not agree: the SDK sends ids raw, the builder lower-cases and hashes them. relay hashes with the case
kept, as the contract says; placeholders, which join strangers, are left out.`},
	{"date_of_birth", `Documentation: YYYYMMDD. The SDK hashes what it is given. The builder guesses 02/03/1997 as February 3rd; relay
leaves out what has two readings, and what is no day between 1900 and today.`},
}

type libraryAnswer struct{ Form, Hash string }

func (a *libraryAnswer) String() string {
	if a == nil {
		return "∅"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '·'
		}
		return r
	}, a.Form)
}

// TestMetaLibraries compares with facebook-nodejs-business-sdk and
// capi-param-builder-nodejs over testdata/normal. Every difference is in
// testdata/meta-libraries.txt; one that is not there, and one that is gone,
// fails.
func TestMetaLibraries(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node.js here: Meta's libraries are not asked")
	}
	modules := os.Getenv("RELAY_NODE_MODULES")
	if modules == "" {
		t.Skip("RELAY_NODE_MODULES does not name a folder with Meta's npm libraries (relay/testdata/node/package.json)")
	}
	for _, m := range []string{"facebook-nodejs-business-sdk", "capi-param-builder-nodejs"} {
		if _, err := os.Stat(filepath.Join(modules, "node_modules", m)); err != nil {
			t.Skipf("%s is not in %s", m, modules)
		}
	}
	var samples []sample
	var input bytes.Buffer
	for _, s := range readSamples(t) {
		var text string
		if json.Unmarshal([]byte(s.raw), &text) != nil || text == "" || s.key == "name" || s.key == "lead_id" || len(s.want) > 1 {
			continue // numbers, lists: the libraries take text
		}
		line, err := json.Marshal(map[string]string{"key": s.key, "value": text})
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s)
		input.Write(append(line, '\n'))
	}
	answers := askLibraries(t, node, modules, &input)
	if len(answers) != len(samples) {
		t.Fatalf("%d answers to %d values", len(answers), len(samples))
	}
	var b strings.Builder
	sdk, builder := 0, 0
	rows := map[string][]string{}
	for i, s := range samples {
		want := ""
		if hashes := s.hashes(meta.Conversions); len(hashes) > 0 {
			want = hashes[0]
		}
		a := answers[i]
		sdkRight := answerIs(a.SDK, want)
		builderRight := answerIs(a.Builder, want)
		if sdkRight {
			sdk++
		}
		if builderRight {
			builder++
		}
		if sdkRight && builderRight {
			continue
		}
		form := "∅"
		if len(s.want) > 0 {
			form = strings.TrimPrefix(s.want[0], "#")
		}
		place := s.country
		if s.fallback != "" {
			place = "=" + s.fallback
		}
		row := fmt.Sprintf("[%s] %s  relay %s", place, s.raw, form)
		if !sdkRight {
			row += "  sdk " + a.SDK.String()
		}
		if !builderRight {
			row += "  builder " + a.Builder.String()
		}
		rows[s.key] = append(rows[s.key], row)
	}
	fmt.Fprintf(&b, `What Meta's own npm libraries make of the values of testdata/normal, where it is not what relay sends: sdk is
facebook-nodejs-business-sdk 24.0.1, builder capi-param-builder-nodejs 1.3.2, ∅ is left out or refused. A library
that is not named in a row agrees. Of %d values, the SDK gives what relay gives for %d, the builder for %d.
Written by TestMetaLibraries (go test ./mapper -run MetaLibraries -update, where Node.js is).
`, len(samples), sdk, builder)
	for _, w := range why {
		fmt.Fprintf(&b, "\n== %s\n%s\n\n%s\n", w.key, w.reason, strings.Join(rows[w.key], "\n"))
	}
	want, err := os.ReadFile(librariesFile)
	if *update {
		if err := os.WriteFile(librariesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-listed +found):\n%s", librariesFile, diff)
	}
}

func answerIs(a *libraryAnswer, want string) bool {
	if a == nil {
		return want == ""
	}
	return a.Hash == want
}

func askLibraries(t *testing.T, node, modules string, input *bytes.Buffer) (answers []struct{ SDK, Builder *libraryAnswer }) {
	t.Helper()
	src, err := os.ReadFile("testdata/libraries.cjs")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(modules, "libraries.cjs") // beside the modules, where require finds them
	if err := os.WriteFile(script, src, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Stdin = input
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	for line := range bytes.Lines(out) {
		var a struct{ SDK, Builder *libraryAnswer }
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		answers = append(answers, a)
	}
	return answers
}
