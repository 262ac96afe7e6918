package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relay/internal/screen"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
)

// run is the whole program: arguments in, exit code out.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(ctx)
	defer stop()
	stdout, stderr = screen.NewWriter(stdout, screen.IsTerminal(stdout)), screen.NewWriter(stderr, screen.IsTerminal(stderr))
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := exit.IfInterrupted(ctx, root.ExecuteContext(ctx))
	if err != nil && !errors.Is(err, exit.ErrReported) {
		exit.Print(stderr, err)
	}
	return exit.Code(err)
}

// interruptible returns a context that is cancelled by the first SIGINT or
// SIGTERM. The second one ends the process at once.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	sig := make(chan os.Signal, 2)
	signal.Notify(sig, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-sig:
			cancel(exit.Interrupted{Signal: s})
		case <-ctx.Done():
			return
		}
		select {
		case <-sig:
			os.Exit(exit.InterruptedCode)
		case <-parent.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(sig)
		cancel(nil)
	}
}

// plainFlagError replaces the message of package strconv about a flag's value.
func plainFlagError(err error) error {
	bad, isValue := errors.AsType[*pflag.InvalidValueError](err)
	text, isText := errors.AsType[*strconv.NumError](err)
	if !isValue || !isText {
		return err
	}
	want := "a number"
	if text.Func == "ParseBool" {
		want = "true or false"
	}
	return fmt.Errorf("invalid argument %q for \"--%s\" flag: expected %s", bad.GetValue(), bad.GetFlag().Name, want)
}

const exitCodes = `0 ok · 1 failure · 2 usage · 75 try later (relay not reachable, queue
in use) · 77 not allowed · 78 bad config or mapping · 130 interrupted.`

// newRoot builds the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "relay",
		Short: "Store-and-forward sidecar that sends a till's events to Meta as offline conversions",
		Long: `relay accepts Segment-style track calls on localhost and stores them in a queue on disk
before it answers 200. It maps them with a YAML file, which is reloaded when it changes,
and uploads them to Meta's Graph API as offline conversions, within a rate limit.

Exit codes: ` + exitCodes,
		Example: `  relay demo                          try everything against a simulated Meta
  relay check --config relay.yaml     find mistakes before going live
  relay run --config relay.yaml       run relay in the foreground`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit.Usage(fmt.Errorf("%w\nSee '%s --help'", plainFlagError(err), c.CommandPath()))
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	for _, add := range slices.Concat(commands, platformCommands) {
		c := add()
		cli.CompleteFlags(c)
		for _, sub := range c.Commands() {
			cli.CompleteFlags(sub)
		}
		root.AddCommand(c)
	}
	group(root)
	return root
}

// group makes each command that only has subcommands show its help, and reject
// an unknown subcommand. Cobra alone would show the help and report success.
func group(c *cobra.Command) {
	for _, sub := range c.Commands() {
		group(sub)
	}
	if c.Runnable() || !c.HasSubCommands() {
		return
	}
	c.SuggestionsMinimumDistance = 2
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		hint := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", near[0])
		}
		return exit.Usage(fmt.Errorf("unknown command %q for %q%s\nSee '%s --help'", args[0], c.CommandPath(), hint, c.CommandPath()))
	}
}

// commands lists the constructors of every command.
var commands = []func() *cobra.Command{
	newRunCommand,
	newDemoCommand,
	newInitCommand,
	newCheckCommand,
	newDoctorCommand,
	newMapCommand,
	newTestCommand,
	newStatusCommand,
	newTailCommand,
	newQueueCommand,
	newDeadCommand,
	newImportCommand,
	newSpoolCommand,
	newLaneCommand,
	newReceiptCommand,
	newTLSCommand,
	newReloadCommand,
	newForgetCommand,
	newForwardCommand,
	newPageCommand,
	newOfflineCommand,
	newBackupCommand,
	newRestoreCommand,
	newHealthCommand,
	newConfigCommand,
	newSchemaCommand,
	newSandboxCommand,
	newSupportBundleCommand,
	newVersionCommand,
	newManCommand,
}
