package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/api"
	"relay/relay/internal/person"
)

// What is found where is said, also by a dry run, which changes nothing.
func TestForget(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.People.Receipts = func(look *person.Matcher, _ bool) (int, []string, error) {
			if !look.ID("o-77") {
				t.Error("the search is another one")
			}
			return 2, []string{"7 receipts could not be searched"}, nil
		}
		o.People.Dropped = func(context.Context, *person.Matcher, bool) (int, []string, error) { return 3, nil, nil }
	})
	c := f.client()
	ask := api.Forget{Lines: []string{" Pat@Example.com ", "", "o-77"}, DryRun: true}
	want := api.Found{Waiting: 1, DeadLetters: 2, Receipts: 2, Dropped: 3}
	dry, err := c.Forget(t.Context(), ask)
	if err != nil || dry.Found != want || dry.Count != 8 || !strings.HasPrefix(dry.Message, "8 would be removed (dry run: nothing was changed): 1 waiting event, 2 dead letters") {
		t.Errorf("dry: %+v %v", dry, err)
	}
	if len(f.queue.records) != 4 || len(f.queue.dead) != 4 || len(f.drain.woken) != 0 {
		t.Errorf("a dry run has changed something: %d records, %d letters", len(f.queue.records), len(f.queue.dead))
	}
	ask.DryRun = false
	done, err := c.Forget(t.Context(), ask)
	if err != nil || done.Found != want || !strings.HasPrefix(done.Message, "8 removed: ") || !slices.Equal(done.Unreached, []string{"7 receipts could not be searched"}) {
		t.Errorf("%+v %v", done, err)
	}
	if len(f.queue.records) != 3 || len(f.queue.dead) != 2 {
		t.Errorf("%d records, %d letters left", len(f.queue.records), len(f.queue.dead))
	}
}

// A forget that fails names its cause. It speaks of space only if the disk is full.
func TestForgetNamesCause(t *testing.T) {
	for cause, want := range map[error]string{
		fmt.Errorf("write 1.seg: %w", syscall.ENOSPC):                                                 "write 1.seg: no space left on device. Free space on the disk; then run the same command again",
		errors.Join(fmt.Errorf("write 1.seg: %w", syscall.EIO), errors.New("read 2.seg: not a file")): "write 1.seg: input/output error; read 2.seg: not a file. Once this is corrected, run the same command again",
	} {
		f := newFixture(t, func(o *Options) {
			o.People.Receipts = func(_ *person.Matcher, dry bool) (int, []string, error) {
				if dry {
					return 0, nil, nil
				}
				return 0, nil, cause
			}
		})
		_, err := f.client().Forget(t.Context(), api.Forget{Lines: []string{"pat@example.com"}})
		if err == nil || !strings.HasSuffix(err.Error(), "relay still has events of this person and can send them: "+want) {
			t.Errorf("%v: %v", cause, err)
		}
	}
}

func TestForgetRefuses(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Access.Token = testToken })
	for body, want := range map[string]string{
		`{}`:                               "nobody named",
		`{"lines":["", " "]}`:              "nobody named",
		`{"lines":["ok-1","Pat Example"]}`: "line 2 is neither an id nor an address",
		`{"lines":["pat@"]}`:               "line 1 has an @",
		`{"lines":["a\u0000b"]}`:           "line 1 holds control characters",
		`{"ids":["a"]}`:                    "unknown field",
	} {
		status, answer, _ := f.ask(http.MethodPost, "/api/v1/forget", body, "Authorization", "Bearer "+testToken)
		if status != http.StatusBadRequest || !strings.Contains(answer, want) || strings.Contains(answer, "Pat") {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if len(f.queue.records) != 4 {
		t.Error("something was removed")
	}
}

// What the mapping calls the shop's own is nobody.
func TestForgetRefusesTheShopsOwn(t *testing.T) {
	m, _, err := mapper.Parse("m", []byte("version: 1\nevents: {}\nnever_customers: [\"*@acme-shop.example\", till-default]\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.Mapping = func() Mapping { return m } })
	_, err = f.client().Forget(t.Context(), api.Forget{Lines: []string{"pat@example.com", "Sales <Sales@acme-shop.example>", "till-default"}})
	if err == nil || !strings.Contains(err.Error(), "line 2 is listed in never_customers") || !strings.Contains(err.Error(), "line 3 is") || strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
	if len(f.queue.records) != 4 {
		t.Error("something was removed")
	}
}

// More than a person may have is removed once somebody has said yes.
func TestForgetAsks(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Access.Token = testToken })
	for i := range api.MaxFound {
		f.queue.hold(queue.Record{Seq: queue.Seq(2<<32 | i), ID: fmt.Sprint("x", i), Lanes: []string{setA}, Body: []byte(`{"userId":"cust-0042"}`)})
	}
	c := f.client()
	_, err := c.Forget(t.Context(), api.Forget{Lines: []string{"cust-0042"}})
	if err == nil || !strings.Contains(err.Error(), "more than 1000") || !strings.Contains(err.Error(), "--yes") || len(f.queue.records) != api.MaxFound+4 {
		t.Errorf("%v, %d left", err, len(f.queue.records))
	}
	done, err := c.Forget(t.Context(), api.Forget{Lines: []string{"cust-0042"}, Yes: true})
	if err != nil || done.Count != api.MaxFound+3 {
		t.Errorf("%+v %v", done, err)
	}
}

func realQueue(t *testing.T) *local.Queue {
	t.Helper()
	q, err := local.Open(filepath.Join(t.TempDir(), "data"), local.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// Events are looked at as the mappings of before did, too.
func TestForgetByOldMappings(t *testing.T) {
	m, _, err := mapper.Parse("m", []byte("version: 1\nevents: {}\nmatch_keys: { external_id: [properties.number_of_card] }\n"))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"event":"E","properties":{"number_of_card":"  ７７42 "}}`)
	for _, known := range []bool{false, true} {
		f := newFixture(t, func(o *Options) {
			if known {
				o.People.Mappings = func() []*mapper.Mapping { return []*mapper.Mapping{m} }
			}
		})
		f.queue.hold(queue.Record{Seq: 1, ID: "m", Lanes: []string{setA}, Body: body})
		done, err := f.client().Forget(t.Context(), api.Forget{Lines: []string{"7742"}})
		if err != nil || (done.Count == 1) != known {
			t.Errorf("%v: %+v %v", known, done, err)
		}
	}
}

// slowWriter takes one piece, and the next when it is told to.
type slowWriter struct {
	began, goOn chan struct{}
	once        sync.Once
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.began) })
	<-w.goOn
	return len(p), nil
}

// bigQueue holds more than sockets do: 500 events of userIds u-0 to u-499.
func bigQueue(t *testing.T) *local.Queue {
	t.Helper()
	q := realQueue(t)
	entries := make([]queue.Entry, 500)
	for i := range entries {
		entries[i] = queue.Entry{ID: fmt.Sprint("m", i), Lanes: []string{setA}, Received: noon, Body: fmt.Appendf(nil, `{"event":"E","userId":"u-%d","x":"%x"}`, i, random(8000))}
	}
	for part := range slices.Chunk(entries, 50) {
		if _, err := q.Append(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

// A copy of the queue that a backup is made of lies below the queue's directory, and is
// gone when a person is forgotten, however slowly it is read.
func TestForgetEndsBackup(t *testing.T) {
	q := bigQueue(t)
	dir := filepath.Join(t.TempDir(), "copies")
	f := newFixture(t, func(o *Options) { o.Queue, o.Drain, o.Copies = q, nil, dir })
	slow := &slowWriter{began: make(chan struct{}), goOn: make(chan struct{})}
	cut := make(chan error, 1)
	go func() { cut <- f.client().Backup(t.Context(), slow) }()
	<-slow.began
	if copied, _ := filepath.Glob(filepath.Join(dir, "*", "data", "*.seg")); len(copied) == 0 {
		t.Fatal("there is no copy to be seen")
	}
	done, err := f.client().Forget(t.Context(), api.Forget{Lines: []string{"u-7"}})
	if err != nil || done.Count != 1 || done.Found.Copies != 1 {
		t.Errorf("%+v %v", done, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	close(slow.goOn)
	if err := <-cut; err == nil {
		t.Error("the backup was not cut")
	}
	var whole bytes.Buffer
	if err := f.client().Backup(t.Context(), &whole); err != nil {
		t.Errorf("a backup after that: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory of copies stays")
	}
}

// Where imports have written refused rows is said to whoever asks.
func TestForgetSaysReports(t *testing.T) {
	q := realQueue(t)
	f := newFixture(t, func(o *Options) { o.Queue, o.Imports, o.Drain, o.Secret = q, q, nil, bytes.Repeat([]byte{7}, 32) })
	c := f.client()
	for _, p := range []string{"/a/x.refused.jsonl", "/b/y.refused.jsonl", "/a/x.refused.jsonl"} {
		if err := c.AddReport(t.Context(), "import-1", p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.AddReport(t.Context(), "import-1", "relative"); err == nil {
		t.Error("a relative path is taken")
	}
	done, err := c.Forget(t.Context(), api.Forget{Lines: []string{"u-1"}, DryRun: true})
	if err != nil || !slices.Equal(done.Reports, []string{"/b/y.refused.jsonl", "/a/x.refused.jsonl"}) {
		t.Errorf("%+v %v", done, err)
	}
	if b, err := json.Marshal(done); err != nil || !bytes.Contains(b, []byte(`"unreached":[]`)) {
		t.Errorf("%s %v", b, err)
	}
	// A path may name a person: what lies in the queue does not show it.
	if b := q.Note(noteReports); len(b) == 0 || bytes.Contains(b, []byte("refused.jsonl")) {
		t.Errorf("%q", b)
	}
	other := newFixture(t, func(o *Options) { o.Queue, o.Imports, o.Drain, o.Secret = q, q, nil, bytes.Repeat([]byte{8}, 32) })
	if done, err := other.client().Forget(t.Context(), api.Forget{Lines: []string{"u-1"}, DryRun: true}); err != nil || len(done.Reports) > 0 || len(done.Unreached) != 1 || !strings.Contains(done.Unreached[0], "reports of imports") {
		t.Errorf("%+v %v", done, err)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// An import that is under way is named: what it brings later is nowhere yet.
func TestForgetNamesImports(t *testing.T) {
	q := realQueue(t)
	f := newFixture(t, func(o *Options) { o.Queue, o.Imports, o.Drain = q, q, nil })
	c := f.client()
	ask := api.Forget{Lines: []string{"u-1"}}
	named := func() bool {
		t.Helper()
		done, err := c.Forget(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(strings.Join(done.Unreached, " "), "an import that is in progress")
	}
	if named() {
		t.Error("there is none")
	}
	if _, err := c.ImportState(t.Context(), "import-1"); err != nil {
		t.Fatal(err)
	}
	if !named() {
		t.Error("one has begun, and is not named")
	}
	if err := c.SaveImport(t.Context(), "import-1", []byte(`{"done":false}`)); err != nil {
		t.Fatal(err)
	}
	if !named() {
		t.Error("one is under way, and is not named")
	}
	if err := c.SaveImport(t.Context(), "import-1", []byte(`{"done":true}`)); err != nil {
		t.Fatal(err)
	}
	if named() {
		t.Error("it has ended, and is named")
	}
	if _, err := c.ImportState(t.Context(), "import-1"); err != nil || named() {
		t.Errorf("one that is done was asked for: %v", err)
	}
	var i importing
	i.seen("a", nil, noon)
	if i.unreached(noon.Add(importPatience)) == "" || i.unreached(noon.Add(importPatience+time.Second)) != "" {
		t.Error("one that was broken off is named for ever, or not at all")
	}
}
