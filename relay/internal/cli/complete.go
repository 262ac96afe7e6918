package cli

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/mapper"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/control"
	"relay/relay/internal/sidecar"
)

// The completions work in all four shells. Event sets and event names come from the
// mapping file, ids from the running relay. On an error there are no completions.

// CompleteFlags adds completion to the filter flags of a command.
func CompleteFlags(c *cobra.Command) {
	for name, values := range map[string]cobra.CompletionFunc{
		"reason": completeReasons, "event-set": CompleteEventSets, "event": completeEvents,
	} {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, values) // fails only for unknown flags
		}
	}
}

func completeReasons(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := advice.Reasons()
	var out []cobra.Completion
	for _, r := range slices.Sorted(maps.Keys(words)) {
		out = append(out, cobra.CompletionWithDesc(r, words[r]))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completionMapping loads the mapping that the command's config names; nil on an error.
func completionMapping(c *cobra.Command) *mapper.Mapping {
	cfg, _, err := config.Load(ConfigPath(c), config.Options{})
	if err != nil {
		return nil
	}
	src, err := sidecar.ReadMapping(cfg)
	if err != nil {
		return nil
	}
	m, _, err := mapper.Parse(cfg.Mapping, src)
	if err != nil {
		return nil
	}
	return m
}

// CompleteEventSets completes the ids of the mapping's event sets.
func CompleteEventSets(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	if m := completionMapping(c); m != nil {
		for _, s := range m.Sets() {
			out = append(out, cobra.CompletionWithDesc(s.ID, s.Name))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func completeEvents(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if m := completionMapping(c); m != nil {
		return m.Events(), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// CompleteFirst completes only the first argument.
func CompleteFirst(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, to string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(c, args, to)
	}
}

// mostCompleted is the most ids requested for one completion.
const mostCompleted = 100

// CompleteDead completes the ids of the running relay's dead letters.
func CompleteDead(c *cobra.Command, _ []string, _ string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	cfg, _, err := config.Load(ConfigPath(c), config.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client := control.Client(cfg)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = client.Dead(ctx, api.DeadFilter{Limit: mostCompleted}, func(d api.Dead) bool {
		out = append(out, cobra.CompletionWithDesc(d.ID, d.Reason+", "+d.Event))
		return true
	})
	return out, cobra.ShellCompDirectiveNoFileComp
}
