package main

import (
	"os"
	"strings"
	"testing"

	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
)

// Without any config a command says how to write or name one. A config that --config names
// is missing under its own name.
func TestNoConfig(t *testing.T) {
	if _, err := os.Lstat(cli.InstalledConfig()); err == nil {
		t.Skipf("this machine has %s", cli.InstalledConfig())
	}
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"status"}, {"run"}, {"check"}, {"doctor"}, {"reload"}, {"import", "sales.csv"}, {"restore", "copy.tar"}} {
		if args[0] == "import" {
			if err := os.WriteFile("sales.csv", []byte("event\nOrder Completed\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if code, out, errOut := do(t, args...); code != exit.Config || !strings.Contains(errOut, "write one with `relay init`, or name yours with --config") {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errOut)
		}
		if code, _, errOut := do(t, append(args, "--config", "mine.yaml")...); code != exit.Config || !strings.Contains(errOut, "read mine.yaml: no such file") {
			t.Errorf("%v --config: exit code %d\n%s", args, code, errOut)
		}
	}
}

// An action on dead letters that do not exist is a failure, not a success about none.
func TestDeadLettersThatDoNotExist(t *testing.T) {
	t.Parallel()
	h := newHome(t, testConfig("127.0.0.1:1", ""), testMapping)
	h.write(t, "sales.jsonl", sales(0, 1))
	conf := h.path("relay.yaml")
	if code, out, errOut := do(t, "import", h.path("sales.jsonl"), "--config", conf); code != exit.OK {
		t.Fatalf("import: exit code %d\n%s%s", code, out, errOut)
	}
	const id = "0000000100000000"
	for _, args := range [][]string{{"dead", "retry", id}, {"dead", "retry", "--dry-run", id}, {"dead", "drop", "--yes", id, id}, {"dead", "drop", "--dry-run", id}} {
		if code, out, errOut := do(t, append(args, "--config", conf)...); code != exit.Failure || !strings.Contains(errOut, "1 id given selected no dead letter") {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errOut)
		}
	}
	for _, args := range [][]string{{"dead", "retry", "--all"}, {"dead", "drop", "--all", "--yes"}} {
		if code, out, errOut := do(t, append(args, "--config", conf)...); code != exit.OK {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errOut)
		}
	}
}

// Moving or dropping events that do not exist, or to an event set that does not, is refused
// in words that need no knowledge of the API.
func TestLaneRefusals(t *testing.T) {
	t.Parallel()
	h := newHome(t, testConfig("127.0.0.1:1", ""), strings.Replace(testMapping, "events:\n", "events:\n  Product Added: \"701000000000002\"\n", 1))
	h.write(t, "sales.jsonl", sales(0, 1))
	conf := h.path("relay.yaml")
	if code, out, errOut := do(t, "import", h.path("sales.jsonl"), "--config", conf); code != exit.OK {
		t.Fatalf("import: exit code %d\n%s%s", code, out, errOut)
	}
	const full, empty, unknown = "701000000000001", "701000000000002", "701000000000009"
	for want, args := range map[string][]string{
		"event set " + empty + " has no waiting events to move":            {"move", empty, full},
		"event set " + empty + " has no waiting events to drop":            {"drop", empty, "--yes"},
		`relay: "` + unknown + `" is not an event set in the mapping`:      {"move", full, unknown},
		"relay: the events already wait for event set " + full:             {"move", full, full},
		`event set "` + unknown + `": not found; event sets here: ` + full: {"move", unknown, full},
	} {
		code, out, errOut := do(t, append([]string{"lane", "--config", conf}, args...)...)
		if code != exit.Failure || !strings.Contains(errOut, want) {
			t.Errorf("%v: exit code %d, no %q in\n%s%s", args, code, want, out, errOut)
		}
	}
}
