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
	dropsOne         fault = "confirms a record that it drops"
	storesRefused    fault = "stores a part of a call that is invalid"
	storesTwice      fault = "stores an id twice"
	takesAnyEvent    fault = "takes another event of a known id for a repeat"
	mixesSpaces      fault = "takes a key of relay's for a client's id"
	keepsBodies      fault = "keeps the caller's bodies"
	reorders         fault = "changes the order"
	ignoresContext   fault = "goes on when the context has ended"
	losesRecords     fault = "loses the last record at an open"
	losesIDs         fault = "loses the ids at an open"
	hidesMore        fault = "does not say that there is more"
	trustsStale      fault = "takes a copy that is behind for the whole"
	readsCopies      fault = "reads copies that came late"
	readsTooMuch     fault = "reads more bytes than it may"
	sharesRecords    fault = "gives its own records away"
	losesSettled     fault = "loses what is settled at an open"
	settlesEveryLane fault = "settles a record for every lane"
	settlesBefore    fault = "settles what lies before"
	losesParts       fault = "loses what is settled in part at an open"
	losesLetters     fault = "loses the letters at an open"
	losesCounts      fault = "loses the counts at an open"
	repeatsSettled   fault = "makes a settlement twice"
	ignoresRevision  fault = "settles for any revision"
	voidsNothing     fault = "does not say that others settle"
	wakesNobody      fault = "wakes nobody"
	wakesOne         fault = "wakes one lane of a record"
	storesFull       fault = "stores a part of what it refuses when it is full"
	staysFull        fault = "stays full"
	confirmsFrozen   fault = "confirms what a disk that hangs has not taken"
	keepsRefused     fault = "keeps what it refuses in memory"
)

const faultEnv = "RELAY_QUEUETEST_FAULT"

// An engine in memory passes: of three streams, in which copies of chunks come late,
// and whose readers are behind.
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

// Each part of the contract finds the engine that breaks it.
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
		wakesNobody:      "changed/a_reader_that_waits",
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
				t.Errorf("the tests of %s pass an engine that %s", part, f)
			} else if !strings.Contains(out, "--- FAIL: TestMemory/"+part) {
				t.Errorf("they fail otherwise: %v\n%s", err, out)
			}
		})
	}
}

// inProcess runs a part of the contract in a process of its own, where it may fail.
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
