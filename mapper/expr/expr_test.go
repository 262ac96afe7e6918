package expr

import (
	"strings"
	"testing"

	"relay/mapper/event"
)

const sample = `{"total":12.5,"qty":3,"big":12345678901234567890,"huge":1e999,"name":"Jane","gift":true,"paid":false,"none":null,
	"tags":["a","b"],"lines":[{"sku":"x","qty":2},{"sku":"y","qty":1}],"nested":{"a":{"b":"c"}}}`

// env returns the environment of an event with these properties.
func env(t *testing.T, properties string) Env {
	t.Helper()
	tree, err := event.NewDecoder().Decode([]byte(properties))
	if err != nil {
		t.Fatal(err)
	}
	e := Event{Event: "Order Completed", MessageID: "m-1", UserID: "u-1", Properties: &tree.Root}
	return e.Env()
}

// TestValue compares the results of expressions as JSON. "nothing" means no value, "! …" a
// failure with this cause.
func TestValue(t *testing.T) {
	for text, want := range map[string]string{
		`event + "/" + messageId`:                   `"Order Completed/m-1"`,
		`type`:                                      `"track"`,
		`properties.total * properties.qty`:         `37.5`,
		`0.1 + 0.2`:                                 `0.3`,
		`properties.big`:                            `"12345678901234567890"`,
		`properties.huge`:                           `"1e999"`,
		`properties.gift`:                           `true`,
		`properties.paid`:                           `false`,
		`properties.none`:                           `nothing`,
		`properties.absent ?? "x"`:                  `"x"`,
		`context.absent`:                            `nothing`,
		`properties.tags`:                           `["a","b"]`,
		`map(properties.lines, .sku)`:               `["x","y"]`,
		`sum(properties.lines, .qty)`:               `3`,
		`filter(properties.lines, .qty > 1)[0].sku`: `"x"`,
		`all(properties.lines, any(properties.tags, # == "a"))`: `true`,
		`string(1) + string(1.5) + string(true) + string("x")`:  `"11.5truex"`,
		`join(properties.tags, "-")`:                            `"a-b"`,
		`join(properties.tags)`:                                 `"ab"`,
		`join([properties.nested])`:                             `! it failed`,
		`string(properties.tags)`:                               `! it failed`,
		`replace(properties.name, "J", "Z")`:                    `"Zane"`,
		`properties.nested`:                                     `! it failed`,
		`properties.nested.x.y`:                                 `! a member of an absent value is read`,
		`properties.name * 2`:                                   `! text is used as a number: amount(`,
		`properties.nothing * 2`:                                `! an operand is absent`,
		`amount("7 EUR") + amount(1) + (amount(true) ?? 1)`:     `9`,
		`1e10 * 1.5`:                                            `15000000000`,
		`map(properties.tags, # == "a" ? 1 : 2)`:                `[1,2]`,
		`map(properties.tags, properties.gift ? # : "")`:        `["a","b"]`,
		`map(properties.tags, properties.tags[5])`:              `! it failed`,
		`int("7x")`:                   `! an operand is absent or of the wrong type`,
		`duration("1x")`:              `! it failed`,
		`1 / 0`:                       `! it failed`,
		`0 / 0`:                       `! it failed`,
		`[1, properties.nested]`:      `! it failed`,
		`map(1..200, map(1..200, #))`: `! it takes too many steps`,
		`replace(replace(replace("aaaaaaaaaa", "a", "` + strings.Repeat("b", 100) + `"), "b", "` + strings.Repeat("c", 40) + `"), "c", "dd")`: `! it builds or reads too much`,
		`join(map(1..200, "` + strings.Repeat("x", 400) + `"))`:                                                                               `! it builds or reads too much`,
		`map(1..6000, 1)`: `! it builds or reads too much`,
	} {
		p, err := Compile(text, false, sevens)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		n, err := p.Value(env(t, sample))
		got := "nothing"
		switch {
		case err != nil:
			got = "! " + Cause(err)
		case n != nil:
			got = string(event.AppendNode(nil, n))
		}
		if got != want && !(err != nil && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s (%v)", text, got, want, err)
		}
	}
}

// TestHolds checks that a condition must be exactly true or false.
func TestHolds(t *testing.T) {
	for text, want := range map[string]string{
		`properties.total > 10`:                     "true",
		`properties.name == "John"`:                 "false",
		`properties.name`:                           "in [true",
		`!properties.name`:                          "in [true",
		`not properties.absent`:                     "in [true",
		`properties.total && true`:                  "in [true",
		`properties.name in [true, "true", 1]`:      "false",
		`!(properties.absent in [true, "true", 1])`: "true",
	} {
		p, err := Compile(text, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		yes, err := p.Holds(env(t, sample))
		switch {
		case err != nil && !strings.Contains(Cause(err), want), err == nil && yes != (want == "true"):
			t.Errorf("%s: %v, %v", text, yes, err)
		}
	}
}

// TestAmountFunction checks that amount() reads text with the given reader, returns numbers
// unchanged, and gives nil for anything else.
func TestAmountFunction(t *testing.T) {
	read := func(text string) (float64, bool) { return 12.5, text == "12,50" }
	for text, want := range map[string]bool{
		`amount(properties.total) == 12.5`: true,
		`amount(properties.qty) == 3`:      true,
		`amount("12,50") == 12.5`:          true,
		`amount(properties.name) == nil`:   true,
		`amount(properties.gift) == 1`:     false,
	} {
		p, err := Compile(text, true, read)
		if err != nil {
			t.Fatal(err)
		}
		if yes, err := p.Holds(env(t, sample)); err != nil || yes != want {
			t.Errorf("%s: %v, %v", text, yes, err)
		}
	}
}

// TestCompileErrors checks that expressions of unbounded cost, and invalid ones, do not compile.
func TestCompileErrors(t *testing.T) {
	for text, want := range map[string]string{
		`let x = 1; x`:                     "let is not available",
		`__tick(__steps)`:                  "unknown name __tick",
		`properties.total = 3`:             "= is not available: write == to compare",
		`__steps.left`:                     "left",
		`now()`:                            "now",
		`reduce(1..60, #acc + #acc, "xx")`: "reduce is not available",
		`groupBy(properties.tags, #)`:      "groupBy is not available",
		`sortBy(properties.tags, #)`:       "sortBy is not available",
		`properties.total >`:               "column",
		`nothing.here`:                     "unknown name nothing",
		strings.Repeat("1 + ", 600) + "1":  "node",
	} {
		if _, err := Compile(text, false, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40s: %v, want %q on one line", text, err, want)
		}
	}
	if _, err := Compile(`"yes"`, true, nil); err == nil {
		t.Error("a text is accepted as a condition")
	}
}

// TestResultIsBounded checks that a result that is too long or too deep fails.
func TestResultIsBounded(t *testing.T) {
	for name, value := range map[string]string{
		"text": `"` + strings.Repeat("x", maxText+1) + `"`,
		"deep": strings.Repeat("[", 30) + strings.Repeat("]", 30),
	} {
		p, err := Compile("properties.it", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := p.Value(env(t, `{"it":`+value+`}`)); err == nil || Cause(err) != "it builds or reads too much" {
			t.Errorf("%s: %v, %v", name, n, err)
		}
	}
}

// TestLargeEventFails checks that an event too large for expressions makes them fail. It must
// not count as an empty event.
func TestLargeEventFails(t *testing.T) {
	p, err := Compile("true", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, properties := range map[string]string{
		"deep":         strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
		"long":         `{"a":[` + strings.Repeat("1,", maxItems) + `1]}`,
		"long, within": `{"a":[{"b":[` + strings.Repeat("1,", maxItems) + `1]}]}`,
	} {
		if _, err := p.Holds(env(t, properties)); err == nil || Cause(err) != "it builds or reads too much" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sevens reads every text as the amount 7.
func sevens(string) (float64, bool) { return 7, true }
