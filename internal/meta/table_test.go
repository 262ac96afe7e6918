package meta_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relay/internal/meta"
)

var update = flag.Bool("update", false, "write docs/meta.md")

const page = "../../docs/meta.md"

// The page's tables are generated from the rows, between its marks.
func TestPage(t *testing.T) {
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(have)
	for name, text := range map[string]string{
		"versions": versions(), "states": states(), "keys": keys(), "weak sets": weakSets(), "event": members(), "custom_data": customData(),
		"words": words(), "limits": limits(), "codes": codes(), "ages": ages(),
	} {
		begin, end := "<!-- made from internal/meta: "+name+" -->\n", "<!-- end -->\n"
		before, rest, found := strings.Cut(got, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("docs/meta.md has no marks for %s: %s…%s", name, begin, end)
		}
		got = before + begin + text + end + after
	}
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(string(have), got); d != "" {
		t.Errorf("docs/meta.md differs from the table (go test ./internal/meta -update)\n%s", d)
	}
}

// Every row has its source, as a mark and a key of section 0, and the day it was looked up.
func TestEveryRowHasItsSource(t *testing.T) {
	form := regexp.MustCompile(`^[MCOTI](: |$)`)
	for _, f := range meta.Facts() {
		if !form.MatchString(f.Source) {
			t.Errorf("source %q: want a mark of docs/meta.md first", f.Source)
		}
		if day, err := time.Parse(time.DateOnly, f.AsOf); err != nil || day.After(time.Now().Add(24*time.Hour)) {
			t.Errorf("%q was looked up on %q", f.Source, f.AsOf)
		}
	}
	oldest, newest := meta.Age()
	if oldest > newest || oldest < "2026-01-01" {
		t.Errorf("the rows were looked up from %s to %s", oldest, newest)
	}
}

// A name is in the table once.
func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	once := func(of, name string) {
		if name != "" && seen[of+" "+name] {
			t.Errorf("%s %s is in the table twice", of, name)
		}
		seen[of+" "+name] = true
	}
	for _, k := range meta.Keys() {
		once("mapping", k.Name)
		once("user_data", k.Conversions)
		for _, name := range k.Offline {
			once("match_keys", name)
		}
		if k.Name == "" && k.Form != meta.Digest && k.Form != meta.Text {
			t.Errorf("%s%v: relay never sends it, but its form is %v", k.Conversions, k.Offline, k.Form)
		}
	}
	for _, format := range []meta.Formats{meta.InConversions, meta.InOffline} {
		for _, f := range meta.Members(format) {
			once(fmt.Sprint(format), f.Name)
		}
	}
	for _, f := range meta.CustomData() {
		once("custom_data", f.Name)
	}
	for _, set := range meta.WeakSets() {
		for _, name := range set.Keys {
			if !seen["user_data "+name] {
				t.Errorf("the weak set %v has an unknown key %s", set.Keys, name)
			}
		}
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		form meta.Form
		text string
		want bool
	}{
		{meta.ClickID, "fb.1.1764000000000.abc", true},
		{meta.ClickID, "fb.x.1.abc", false},
		{meta.Address, "2001:db8::1", true},
		{meta.Address, "fe80::1%eth0", false},
		{meta.Address, "shop.example", false},
		{meta.WholeNumber, "12", true},
		{meta.WholeNumber, "0", false},
		{meta.WholeNumber, "1.5", false},
		{meta.Text, "a", true},
		{meta.Text, "", false},
	} {
		if got := c.form.Fits(c.text); got != c.want {
			t.Errorf("Fits(%q) as %v = %v", c.text, c.form, got)
		}
	}
}

// table renders a Markdown table.
type table struct{ strings.Builder }

func newTable(columns ...string) *table {
	b := &table{}
	b.row(columns...)
	b.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	return b
}

func (b *table) row(cells ...string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// code returns names in backquotes.
func code(list ...string) string {
	if len(list) == 0 || list[0] == "" {
		return "–"
	}
	return "`" + strings.Join(list, "` `") + "`"
}

func versions() string {
	b := newTable("version", "released", "usable until", "src", "as of")
	all := meta.Versions()
	slices.Reverse(all)
	for _, v := range all {
		until := v.Until
		if until == "" {
			until = "not published"
		}
		b.row(v.Name, v.Released, until, v.Source, v.AsOf)
	}
	return b.String()
}

func states() string {
	b := newTable("number", "state", "in force", "src", "as of")
	for _, s := range meta.States() {
		since := s.Since
		if since == "" {
			since = "first"
		}
		b.row(fmt.Sprint(s.Number), s.Code, since, s.Source, s.AsOf)
	}
	return b.String()
}

func keys() string {
	b := newTable("CAPI key", "legacy key", "in a mapping", "hash", "rule", "example (normal form → SHA-256)", "src", "as of")
	for _, k := range meta.Keys() {
		hash := map[meta.Hash]string{meta.Unhashed: "no", meta.Hashed: "yes", meta.ByFormat: "CAPI yes, legacy no"}[k.Hash]
		rule := k.Rule
		if rule == "" && k.Hash == meta.Unhashed {
			rule = k.Form.String()
		}
		name := code(k.Name)
		if k.Name == "" {
			name = "never sent"
		}
		b.row(code(k.Conversions), code(k.Offline...), name, hash, rule, k.Example, k.Source, k.AsOf)
	}
	return b.String()
}

func weakSets() string {
	b := newTable("only these keys, or fewer of them", "src", "as of")
	for _, s := range meta.WeakSets() {
		b.row(code(s.Keys...), s.Source, s.AsOf)
	}
	return b.String()
}

func members() string {
	b := newTable("parameter", "CAPI", "legacy", "type", "rule", "src", "as of")
	yes := map[bool]string{true: "yes", false: "–"}
	for _, f := range meta.Members(meta.InBoth) {
		b.row(code(f.Name), yes[f.Formats&meta.InConversions != 0], yes[f.Formats&meta.InOffline != 0], f.Shape.String(), f.Rule, f.Source, f.AsOf)
	}
	return b.String()
}

func customData() string {
	b := newTable("field", "type", "rule", "src", "as of")
	var same []string
	all := meta.CustomData()
	for i, f := range all { // rows that differ only in the name share a line
		same = append(same, f.Name)
		if i+1 < len(all) {
			next := all[i+1]
			if next.Name = f.Name; next == f && f.Rule == "" {
				continue
			}
		}
		b.row(code(same...), f.Shape.String(), f.Rule, f.Source, f.AsOf)
		same = nil
	}
	return b.String()
}

func words() string {
	b := newTable("what", "names", "src", "as of")
	for _, w := range meta.AllWords() {
		b.row(w.What, code(w.Names...), w.Source, w.AsOf)
	}
	return b.String()
}

func limits() string {
	b := newTable("limit", "figure", "src", "as of")
	for _, l := range meta.Limits() {
		b.row(l.What, l.Figure, l.Source, l.AsOf)
	}
	return b.String()
}

// The rows agree with the constants.
func TestLimits(t *testing.T) {
	const day = 24 * time.Hour
	for i, figure := range []string{
		fmt.Sprint(meta.MaxEvents), fmt.Sprint(meta.MaxOffline), fmt.Sprint(int(meta.EventAge / day)), fmt.Sprint(int(meta.StoreAge / day)),
		fmt.Sprint(int(meta.OfflineAge / day)), fmt.Sprint(int(meta.Ahead / time.Second)), fmt.Sprint(int(meta.DedupWindow / day)), fmt.Sprint(meta.StoreCodeLength),
	} {
		if l := meta.Limits()[i]; !slices.Contains(strings.Fields(l.Figure), figure) {
			t.Errorf("%s: the row has %s, the constant %s", l.What, l.Figure, figure)
		}
	}
}

func codes() string {
	b := newTable("code / subcode", "meaning", "class", "HTTP", "src", "as of")
	for _, c := range meta.Codes() {
		n := fmt.Sprint(c.Code)
		switch {
		case c.Code == math.MinInt:
			n = "below 0"
		case c.To != 0:
			n += fmt.Sprintf("–%d, others", c.To)
		case c.Subcode != 0:
			n += fmt.Sprintf("/%d", c.Subcode)
		case c.Text != "":
			n += ", text begins `" + c.Text + "`"
		}
		b.row(n, c.Meaning, "`"+c.Class+"`", c.HTTP, c.Source, c.AsOf)
	}
	return b.String()
}

func ages() string {
	oldest, newest := meta.Age()
	return fmt.Sprintf("%d rows, looked up between %s and %s.\n", len(meta.Facts()), oldest, newest)
}

// Section 5.2 of the contract has the names of each key that relay makes from an event, and no
// others.
func TestContractNamesTheKeys(t *testing.T) {
	contract, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(contract), "### 5.2 ")
	section, _, _ = strings.Cut(section, "\n### ")
	documented := make(map[string]bool)
	quoted := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			for name := range strings.FieldsSeq(m[1]) {
				documented[name] = true
			}
		}
	}
	made := make(map[string]bool)
	for _, k := range slices.Concat(meta.MatchKeys[:], meta.Identifiers[:]) {
		if k.Form == meta.Digest || k.Name == "" {
			continue
		}
		for _, name := range append(k.Offline, k.Conversions) {
			made[name] = true
			if name != "" && !documented[name] {
				t.Errorf("docs/contract.md 5.2 lacks %s (%s)", name, k.Name)
			}
		}
	}
	for name := range documented {
		if !made[name] {
			t.Errorf("docs/contract.md 5.2 has %s, which is not a key", name)
		}
	}
}
