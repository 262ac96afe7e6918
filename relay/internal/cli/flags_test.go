package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"relay/relay/internal/exit"
)

// A wrong number of arguments is a usage error that shows how the command is called.
func TestArgs(t *testing.T) {
	for _, c := range []struct {
		name  string
		check cobra.PositionalArgs
		args  []string
		want  string // "": accepted
	}{
		{"none", NoArgs, nil, ""},
		{"one too many", NoArgs, []string{"a"}, "'show' takes no arguments, got 1"},
		{"exactly one", ExactArgs(1), []string{"a"}, ""},
		{"one missing", ExactArgs(1), nil, "'show' takes 1 argument, got 0"},
		{"two of one", ExactArgs(1), []string{"a", "b"}, "'show' takes 1 argument, got 2"},
		{"one of two", ExactArgs(2), []string{"a"}, "'show' takes 2 arguments, got 1"},
		{"optional, absent", MaxArgs(1), nil, ""},
		{"optional, given", MaxArgs(1), []string{"a"}, ""},
		{"optional, two", MaxArgs(1), []string{"a", "b"}, "'show' takes at most 1 argument, got 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.check(&cobra.Command{Use: "show ID"}, c.args)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if exit.Code(err) != exit.UsageCode || !strings.HasPrefix(err.Error(), c.want+"\nUsage: show ID") {
				t.Errorf("exit code %d, %v; want %q", exit.Code(err), err, c.want)
			}
		})
	}
}

// --config wins; without it, a relay.yaml here wins over the installed one.
func TestConfigPath(t *testing.T) {
	t.Chdir(t.TempDir())
	c := &cobra.Command{Use: "x"}
	AddConfigFlag(c)
	if got := ConfigPath(c); got != "relay.yaml" && got != InstalledConfig() {
		t.Errorf("without a flag: %s", got)
	}
	if err := c.Flags().Set("config", "shop.yaml"); err != nil {
		t.Fatal(err)
	}
	if got := ConfigPath(c); got != "shop.yaml" {
		t.Errorf("with --config shop.yaml: %s", got)
	}
}
