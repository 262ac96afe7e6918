package main

import (
	"strings"
	"testing"

	"relay/relay/internal/exit"

	"github.com/spf13/cobra"
)

// everyCommand calls fn for each command that somebody can see.
func everyCommand(fn func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			return
		}
		fn(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}

// Every command says what it does in a sentence without a stop and shows an
// example that calls it; those that need a config take --config.
func TestHelp(t *testing.T) {
	alone := map[string]bool{
		"relay": true, "relay version": true, "relay sandbox": true, "relay demo": true, "relay init": true, "relay schema": true,
		"relay config reference": true, "relay tls init": true,
	}
	everyCommand(func(c *cobra.Command) {
		path := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help is %q", path, c.Short)
		}
		if !strings.Contains(c.Example, path) {
			t.Errorf("%s: no example that calls it", path)
		}
		if c.Flags().Lookup("config") == nil && !c.HasSubCommands() && !alone[path] {
			t.Errorf("%s: takes no --config", path)
		}
		for l := range strings.Lines(c.Long) {
			if len([]rune(l)) > 100 {
				t.Errorf("%s: a line of its help is too long: %q", path, l)
			}
		}
	})
	code, out, _ := do(t, "--help")
	if code != exit.OK || !strings.Contains(out, "78 bad config or mapping") {
		t.Errorf("exit %d, help without exit codes:\n%s", code, out)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, errOut := do(t, "completion", shell); code != exit.OK || !strings.Contains(out, "relay") {
			t.Errorf("completion %s: exit %d %s", shell, code, errOut)
		}
	}
	h := newHome(t, testConfig("127.0.0.1:1", ""), "version: 1\nevents: { Order Completed: stores, Product Added: stores }\nevent_sets: { stores: { id: \"701000000000001\" } }\n")
	conf := h.path("relay.yaml")
	for want, args := range map[string][]string{
		"missing_currency\tpurchase without a currency": {"dead", "list", "--reason", ""},
		"701000000000001\tstores":                       {"dead", "retry", "--config", conf, "--event-set", ""},
		"Order Completed":                               {"queue", "list", "--config", conf, "--event", ""},
		"701000000000001":                               {"lane", "pause", "--config", conf, ""},
		"mapping":                                       {"schema", ""},
	} {
		code, out, _ := do(t, append([]string{"__complete"}, args...)...)
		if code != exit.OK || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d, completes to %q, want %q among it", args, code, out, want)
		}
	}
	// A config that cannot be read completes nothing and complains of nothing.
	if code, out, errOut := do(t, "__complete", "queue", "list", "--config", "nothing.yaml", "--event", ""); code != exit.OK ||
		strings.Contains(out+errOut, "nothing.yaml") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}
