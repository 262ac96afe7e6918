package main

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the stories of testdata/script. In them "relay ARGS" runs
// relay and wants exit code 0, "exit CODE ARGS" wants another; "stdin FILE"
// before either is what it reads.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"relay": func(ts *testscript.TestScript, _ bool, args []string) { scriptRelay(ts, 0, args) },
			"exit": func(ts *testscript.TestScript, _ bool, args []string) {
				if len(args) < 2 {
					ts.Fatalf("usage: exit CODE ARGS")
				}
				code, err := strconv.Atoi(args[0])
				ts.Check(err)
				scriptRelay(ts, code, args[1:])
			},
		},
	})
}

func scriptRelay(ts *testscript.TestScript, want int, args []string) {
	in := strings.NewReader("")
	if len(args) > 0 && strings.HasPrefix(args[0], "<") {
		in = strings.NewReader(ts.ReadFile(args[0][1:]))
		args = args[1:]
	}
	for i, a := range args { // relay runs inside this process, whose directory is another
		if !strings.HasPrefix(a, "-") && strings.Contains(a, ".") && !strings.Contains(a, ":") {
			args[i] = ts.MkAbs(a)
		}
	}
	if code := run(context.Background(), args, in, ts.Stdout(), ts.Stderr()); code != want {
		ts.Fatalf("relay %s: exit code %d, want %d", strings.Join(args, " "), code, want)
	}
}
