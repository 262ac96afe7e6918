package queuetest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"relay/queue/queuetest"
)

// fault is one thing that an engine does wrong.
type fault string

const (
	dropsOne         fault = "confirms a record it drops"
	storesRefused    fault = "stores part of an invalid call"
	storesTwice      fault = "stores an id twice"
	takesAnyEvent    fault = "treats another event with a known id as a duplicate"
	mixesSpaces      fault = "treats a key of relay's as a client's id"
	keepsBodies      fault = "aliases the caller's bodies"
	reorders         fault = "changes the order"
	ignoresContext   fault = "continues after the context has ended"
	losesRecords     fault = "loses the last record when opened"
	losesIDs         fault = "loses the ids when opened"
	hidesMore        fault = "does not report that there is more"
	trustsStale      fault = "treats a copy that is behind as complete"
	readsCopies      fault = "reads late copies"
	readsTooMuch     fault = "reads more bytes than the limit"
	sharesRecords    fault = "returns its own records instead of copies"
	losesSettled     fault = "loses settled records when opened"
	settlesEveryLane fault = "settles a record for every lane"
	settlesBefore    fault = "settles earlier records"
	losesParts       fault = "loses partly settled records when opened"
	losesLetters     fault = "loses the letters when opened"
	losesCounts      fault = "loses the counts when opened"
	repeatsSettled   fault = "makes a settlement twice"
	ignoresRevision  fault = "settles for any revision"
	voidsNothing     fault = "does not report settlements by others"
	wakesNone        fault = "wakes no reader"
	wakesOne         fault = "wakes only one lane of a record"
	storesFull       fault = "stores part of a refused call when full"
	staysFull        fault = "stays full"
	confirmsFrozen   fault = "confirms records that a hanging disk has not stored"
	keepsRefused     fault = "keeps refused calls in memory"
)

const faultEnv = "RELAY_QUEUETEST_FAULT"

// An engine in memory passes. It has three streams in which copies of chunks appear late and whose
// readers are behind.
func TestMemory(t *testing.T) {
	newDisk := func(most int64) *disk {
		return &disk{fault: fault(os.Getenv(faultEnv)), max: most, logs: make(map[string]*content)}
	}
	frozen := newDisk(0)
	queuetest.Run(t, queuetest.Engine{
		Open: newDisk(0).open,
		Full: &queuetest.Full{Open: newDisk(1 << 20).open, Size: 2 << 20},
		Hang: &queuetest.Hang{Open: frozen.open, Volume: func(*testing.T) queuetest.Freezer { return frozen }},
	})
}

// Each fault is found by the part of the contract it breaks.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	for f, part := range map[fault]string{
		dropsOne:         "append",
		storesRefused:    "append",
		storesTwice:      "append",
		mixesSpaces:      "append",
		takesAnyEvent:    "append",
		keepsBodies:      "append",
		reorders:         "append",
		ignoresContext:   "append",
		losesRecords:     "append",
		losesIDs:         "append",
		hidesMore:        "read",
		trustsStale:      "read",
		readsCopies:      "read",
		readsTooMuch:     "read",
		sharesRecords:    "read",
		losesSettled:     "settle",
		settlesEveryLane: "settle",
		settlesBefore:    "settle",
		losesParts:       "settle",
		losesLetters:     "settle",
		losesCounts:      "lanes",
		repeatsSettled:   "revision",
		ignoresRevision:  "revision",
		voidsNothing:     "revision",
		wakesNone:        "changed/a_waiting_reader",
		wakesOne:         "changed",
		storesFull:       "full",
		staysFull:        "full/refused,_drained,_taken_again",
		confirmsFrozen:   "hang",
		keepsRefused:     "hang",
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel() // it mostly waits
			out, err := inProcess(t, f, part)
			if err == nil {
				t.Errorf("the %s tests pass for an engine that %s", part, f)
			} else if !strings.Contains(out, "--- FAIL: TestMemory/"+part) {
				t.Errorf("another test failed: %v\n%s", err, out)
			}
		})
	}
}

// inProcess runs a part of the contract in its own process, where it may fail.
func inProcess(t *testing.T, f fault, part string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), exe, "-test.run=^TestMemory$/^"+strings.ReplaceAll(part, "/", "$/^")+"$", "-test.timeout=30s")
	cmd.Env = append(os.Environ(), faultEnv+"="+string(f))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
