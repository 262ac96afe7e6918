package receipts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/internal/disk"
	"relay/internal/meta"
	"relay/internal/seal"
	"relay/mapper"
	"relay/mapper/outward"
	"relay/mapper/people"
	"relay/relay/internal/drain"
)

var (
	began  = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	secret = bytes.Repeat([]byte{7}, 32)
)

// fingerprintsOf returns the fingerprints of the match keys that names can be.
func fingerprintsOf(secret []byte, names ...string) (prints []string) {
	for _, name := range names {
		for _, k := range people.KeysOf(name) {
			prints = append(prints, k.Fingerprint(secret))
		}
	}
	return prints
}

// delivery returns request n with k conversions: m-n-i, order o-n-i.
func delivery(n, k int) drain.Delivery {
	d := drain.Delivery{
		EventSet: "701000000000001", API: meta.Conversions, Request: fmt.Sprint("req", n), FBTraceID: fmt.Sprint("trace", n),
		Mapping: "abc", At: began.Add(time.Duration(n) * time.Minute),
	}
	for i := range k {
		d.Items = append(d.Items, drain.Delivered{
			MessageID: fmt.Sprintf("m-%d-%d", n, i), OrderID: fmt.Sprintf("o-%d-%d", n, i),
			Event: "Order Completed", Name: "Purchase", List: "events", EventTime: began, Received: began.Add(time.Second),
			People: fingerprintsOf(secret, fmt.Sprintf("c%d@example.com", i), fmt.Sprintf("user-%d", i)),
		})
	}
	return d
}

func open(t *testing.T, dir string, o Options) *Ledger {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func want(t *testing.T, l *Ledger, id string, n int) []Receipt {
	t.Helper()
	r, err := l.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	if len(r) != n {
		t.Fatalf("Find(%[2]q) returned %[1]d receipts, want %[3]d: %+[4]v", len(r), id, n, r)
	}
	return r
}

func TestFind(t *testing.T) {
	for _, key := range [][]byte{nil, bytes.Repeat([]byte{7}, 32)} {
		t.Run(fmt.Sprint("sealed ", key != nil), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "receipts")
			l := open(t, dir, Options{Key: key})
			for n := range 20 {
				l.Record(delivery(n, 50))
			}
			l.Record(delivery(3, 50)) // delivered twice: both are found, newest first
			r := want(t, l, "o-7-33", 1)[0]
			exp := Receipt{
				MessageID: "m-7-33", OrderID: "o-7-33", Event: "Order Completed", Name: "Purchase", List: "events",
				EventSet: "701000000000001", API: meta.Conversions, EventTime: began, ReceivedAt: began.Add(time.Second),
				DeliveredAt: began.Add(7 * time.Minute), Request: "req7", FBTraceID: "trace7", Mapping: "abc",
			}
			if r != exp {
				t.Errorf("got  %+v\nwant %+v", r, exp)
			}
			want(t, l, "m-7-33", 1)
			want(t, l, "m-3-1", 2)
			want(t, l, "nothing", 0)
			want(t, l, "", 0)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal("second close:", err)
			}
			if _, err := l.Find("m-1-1"); !errors.Is(err, errClosed) {
				t.Errorf("Find after Close: %v", err)
			}
			l.Record(delivery(99, 1))
			if l.Stats().Failures != 1 {
				t.Error("Record after Close is not counted as a failure")
			}
			keys := [][]byte{}
			if key != nil {
				keys = append(keys, key)
				if _, err := Find(dir, "m-1-1", nil); !errors.Is(err, seal.ErrKey) {
					t.Errorf("Find without the key: %v, want ErrKey", err)
				}
			}
			if r, err := Find(dir, "m-1-1", nil, keys...); err != nil || len(r) != 1 {
				t.Errorf("Find on the directory: %v, %v", r, err)
			}
			files, _ := os.ReadDir(dir)
			for _, f := range files {
				b, _ := os.ReadFile(filepath.Join(dir, f.Name()))
				if key != nil && bytes.Contains(b, []byte("Purchase")) {
					t.Error("plain text in a sealed ledger")
				}
				if bytes.Contains(b, []byte("example.com")) {
					t.Error("personal data in the ledger")
				}
			}
			l = open(t, dir, Options{Key: bytes.Repeat([]byte{8}, 32), OldKeys: keys}) // the key changes here
			l.Record(delivery(50, 1))
			want(t, l, "m-1-1", 1)
			want(t, l, "m-50-0", 1)
		})
	}
}

// An order id that was sent as its keyed hash is found by the id the till uses.
func TestFindHashedOrder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{Secret: secret})
	d := delivery(1, 3)
	d.Items[1].OrderID = outward.ID(secret, "ada@example.com-o1", "")
	l.Record(d)
	want(t, l, "ada@example.com-o1", 1)
	want(t, l, d.Items[1].OrderID, 1)
	l.Close()
	for _, s := range [][]byte{secret, nil} {
		if r, err := Find(dir, "ada@example.com-o1", s); err != nil || len(r) != len(s)/32 {
			t.Errorf("Find on the directory: %v, %v", r, err)
		}
	}
}

func TestBounded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{MaxSize: 256 << 10, FileSize: 32 << 10})
	for n := range 600 {
		l.Record(delivery(n, 50))
	}
	st := l.Stats()
	if st.Bytes > 256<<10 || st.Files < 4 || st.Failures != 0 || st.Requests != 600 {
		t.Errorf("stats %+v", st)
	}
	want(t, l, "m-0-0", 0)
	want(t, l, "m-599-0", 1)
	onDisk := int64(0)
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		i, _ := f.Info()
		onDisk += i.Size()
	}
	if onDisk != st.Bytes {
		t.Errorf("%d bytes on disk, Stats reports %d", onDisk, st.Bytes)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, Options{MaxSize: 256 << 10, FileSize: 32 << 10})
	l.Record(delivery(1000, 1))
	want(t, l, "m-599-0", 1)
	want(t, l, "m-1000-0", 1)
}

// However much of the newest file's end is missing, whole records stay and the ledger
// accepts new ones.
func TestTornEnd(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	l.Record(delivery(0, 3))
	whole := l.Stats().Bytes
	l.Record(delivery(1, 3))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(b); cut += 7 {
		sub := t.TempDir()
		if err := os.WriteFile(path(sub, 1), b[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, sub, Options{})
		l.Record(delivery(2, 3))
		first, second := 0, 0
		if int64(cut) >= whole {
			first = 1
		}
		if cut == len(b) {
			second = 1
		}
		want(t, l, "m-0-0", first)
		want(t, l, "m-1-0", second)
		want(t, l, "m-2-0", 1)
		l.Close()
	}
}

// A flipped bit in a payload costs only the record it is in.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	var at []int64
	for n := range 5 {
		at = append(at, l.Stats().Bytes)
		l.Record(delivery(n, 3))
	}
	l.Close()
	b, _ := os.ReadFile(path(dir, 1))
	b[at[2]+headerLen+5] ^= 4
	if err := os.WriteFile(path(dir, 1), b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, Options{})
	l.Record(delivery(9, 3))
	for n, k := range map[int]int{0: 1, 1: 1, 2: 0, 3: 1, 4: 1, 9: 1} {
		want(t, l, fmt.Sprintf("m-%d-0", n), k)
	}
}

// A flipped bit anywhere costs only the record it is in, and is logged. Later records are
// found too, and all others survive the next Open.
func TestFlippedBit(t *testing.T) {
	for _, key := range [][]byte{nil, bytes.Repeat([]byte{7}, 32)} {
		dir := t.TempDir()
		l := open(t, dir, Options{Key: key})
		for n := range 4 {
			l.Record(delivery(n, 2))
		}
		l.Close()
		whole, _ := os.ReadFile(path(dir, 1))
		lost := 0
		for at := len(magic); at < len(whole); at += 1 + at%3 {
			b := bytes.Clone(whole)
			b[at] ^= 1 << (at % 8)
			if err := os.WriteFile(path(dir, 1), b, 0o600); err != nil {
				t.Fatal(err)
			}
			said := new(bytes.Buffer)
			missing := 0
			for again := range 2 {
				l, err := Open(dir, Options{Key: key, Logger: slog.New(slog.NewTextHandler(said, nil))})
				if err != nil {
					t.Fatal(err)
				}
				if again == 0 {
					l.Record(delivery(9, 1))
				}
				missing = 0
				for _, n := range []int{0, 1, 2, 3, 9} {
					r, err := l.Find(fmt.Sprintf("m-%d-0", n))
					if err != nil || len(r) > 1 || n == 9 && len(r) == 0 {
						t.Fatalf("byte %d: %d receipts of %d, %v", at, len(r), n, err)
					}
					missing += 1 - len(r)
				}
				l.Close()
			}
			if missing > 1 || missing > 0 && !strings.Contains(said.String(), "code=receipts_") {
				t.Fatalf("byte %d: %d receipts missing; log: %s", at, missing, said)
			}
			lost += missing
		}
		if lost == 0 {
			t.Error("no flipped bit cost a receipt")
		}
	}
}

// Receipts whose key is missing hide no others: the others are found, and people are
// forgotten in them. With the key they are found again.
func TestKeyTakenAway(t *testing.T) {
	dir := t.TempDir()
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	l := open(t, dir, Options{Key: one, Secret: secret})
	l.Record(delivery(1, 5))
	l.Close()
	l = open(t, dir, Options{Key: two, OldKeys: [][]byte{one}, Secret: secret})
	l.Record(delivery(2, 5))
	l.Record(delivery(3, 1))
	l.Close()
	l = open(t, dir, Options{Key: two, Secret: secret})
	want(t, l, "m-2-3", 1)
	if _, err := l.Find("m-1-3"); !errors.Is(err, seal.ErrKey) {
		t.Errorf("Find of a receipt with a missing key: %v, want ErrKey", err)
	}
	if n, err := l.Forget(person("user-3")); n != (Forgotten{Removed: 1, Keyless: 1}) || err != nil {
		t.Errorf("%+v, %v", n, err)
	}
	want(t, l, "m-2-2", 1)
	want(t, l, "m-3-0", 1)
	l.Record(delivery(4, 1))
	l.Close()
	l = open(t, dir, Options{Key: two, OldKeys: [][]byte{one}, Secret: secret})
	for id, n := range map[string]int{"m-1-3": 1, "m-1-0": 1, "m-2-3": 0, "m-2-4": 1, "m-3-0": 1, "m-4-0": 1} {
		want(t, l, id, n)
	}
	if n, err := l.Forget(person("user-3")); n != (Forgotten{Removed: 1}) || err != nil {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestForget(t *testing.T) {
	for _, key := range [][]byte{nil, bytes.Repeat([]byte{7}, 32)} {
		dir := t.TempDir()
		l := open(t, dir, Options{Key: key, Secret: secret, MaxSize: 1 << 20, FileSize: 16 << 10})
		for n := range 100 {
			l.Record(delivery(n, 20))
		}
		n, err := l.Forget(person(" user-3 ", "C5@Example.com"))
		if err != nil || n != (Forgotten{Removed: 200}) {
			t.Fatalf("forgot %+v: %v", n, err)
		}
		want(t, l, "m-7-3", 0)
		want(t, l, "m-7-5", 0)
		want(t, l, "m-7-4", 1)
		l.Record(delivery(300, 4))
		want(t, l, "m-300-2", 1)
		if n, err := l.Forget(person("nobody@example.com")); n != (Forgotten{}) || err != nil {
			t.Errorf("unknown person: %+v, %v", n, err)
		}
		l.Close()
		if err := os.WriteFile(disk.TempName(path(dir, 1)), []byte("left by a crash"), 0o600); err != nil {
			t.Fatal(err)
		}
		l = open(t, dir, Options{Key: key})
		want(t, l, "m-7-3", 0)
		want(t, l, "m-300-2", 1)
		if n, err := l.Forget(person("user-2")); n != (Forgotten{}) || err == nil {
			t.Errorf("without the secret: %+v %v", n, err)
		}
		l.Close()
		l = open(t, dir, Options{Key: key, Secret: []byte("another installation's")})
		if n, err := l.Forget(person("user-2")); n != (Forgotten{Unsearched: 1804}) || err != nil {
			t.Errorf("with another secret: %+v %v", n, err)
		}
		var keys [][]byte
		if key != nil {
			keys = [][]byte{key}
		}
		for of, want := range map[string]int{string(secret): 0, "another installation's": 1804} {
			if n, err := Unsearched(dir, []byte(of), keys...); n != want || err != nil {
				t.Errorf("secret %q: Unsearched = %d, want %d: %v", of, n, want, err)
			}
		}
		left, _ := filepath.Glob(filepath.Join(dir, "*.tmp"))
		if len(left) != 0 {
			t.Errorf("temporary files left behind: %v", left)
		}
	}
}

// A person is found in receipts of either API, however the event and the request spell the
// name.
func TestForgetWhatWasMapped(t *testing.T) {
	for _, api := range []meta.API{meta.Conversions, meta.Offline} {
		m, _, err := mapper.Parse("mapping.yaml", []byte("version: 1\napi: "+string(api)+"\nevents: { E: \"701\" }\n"), mapper.WithSecret(secret))
		if err != nil {
			t.Fatal(err)
		}
		l := open(t, t.TempDir(), Options{Secret: secret})
		for id, members := range map[string]string{
			"plain":   `"context":{"traits":{"email":"ada@example.com"}}`,
			"written": `"context":{"traits":{"email":"Ada Lovelace <ADA@example.com>"}}`,
			"listed":  `"userId":"u-1","context":{"traits":{"email":["b@example.com","mailto:ada@example.com"]}}`,
			"number":  `"userId":4242.0`,
			"other":   `"userId":"4243","context":{"traits":{"email":"boada@example.com"}}`,
		} {
			o := m.MapLane(mapper.Event{Body: []byte(`{"event":"E",` + members + `}`), MessageID: id, Received: began}, "701", began)[0]
			if o.Kind != mapper.Send {
				t.Fatalf("%s: %s", id, o.Reason)
			}
			d := delivery(1, 1)
			d.Items[0].MessageID, d.Items[0].People = o.MessageID, o.People
			l.Record(d)
		}
		if n, err := l.Forget(person("Ada@Example.com", "4242")); n.Removed != 4 || err != nil {
			t.Errorf("%s: forgot %+v: %v", api, n, err)
		}
		want(t, l, "other", 1)
	}
}

// A directory in which no file can be created: the failures are counted, and later receipts
// are written.
func TestCannotWrite(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	if err := os.Mkdir(path(dir, 1), 0o700); err != nil { // blocks the first file
		t.Fatal(err)
	}
	l.Record(delivery(0, 1))
	l.Record(delivery(1, 1))
	if st := l.Stats(); st.Failures != 2 || st.Requests != 0 {
		t.Errorf("stats %+v", st)
	}
	if err := os.Remove(path(dir, 1)); err != nil {
		t.Fatal(err)
	}
	l.Record(delivery(2, 1))
	want(t, l, "m-2-0", 1)
}

func TestStrangeFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"notes.txt": "x", "0000000000000001.log": "something else entirely", "zz.log": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, dir, Options{})
	l.Record(delivery(0, 1))
	want(t, l, "m-0-0", 1)
	b, _ := os.ReadFile(path(dir, 1))
	if !strings.HasPrefix(string(b), "something else") {
		t.Error("a file of another version was changed")
	}
}

// encoding/json decodes the hand-written encoding.
func TestEntryForm(t *testing.T) {
	d := delivery(1, 3)
	d.Items[1].OrderID, d.Items[1].Event, d.Items[1].Name = "", "Name \"with\" \u2028 <all> \\ of it", "other"
	d.Items[2].People = nil
	d.Ambiguous = true
	e := entryOf(d)
	b, err := e.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back entry
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	if !reflect.DeepEqual(back, e) {
		t.Errorf("got  %+v\nwant %+v", back, e)
	}
	if !slices.Equal(back.Items[0].People, d.Items[0].People) {
		t.Errorf("people %v", back.Items[0].People)
	}
	none := entryOf(delivery(1, 0))
	if b, err = none.append(nil); err != nil || json.Unmarshal(b, &back) != nil {
		t.Errorf("no items: %v %s", err, b)
	}
}

func FuzzPayload(f *testing.F) {
	c, err := newCodec(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	e := entryOf(delivery(1, 2))
	b, err := c.record(nil, &e, 1, 8)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		file, at := append([]byte(magic), b...), int64(len(magic))
		if err := c.walk(file, 1, func(p piece) error {
			if p.at < at || len(p.b) == 0 || len(p.raw) > maxPayload {
				t.Errorf("%d bytes at %d, %d raw", len(p.b), p.at, len(p.raw))
			}
			at = p.at + int64(len(p.b))
			return nil
		}); err != nil || at > int64(len(file)) {
			t.Errorf("it ends at %d: %v", at, err)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	l, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	d := delivery(1, 1000)
	for b.Loop() {
		l.Record(d)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/conversion")
}

// Stats returns while a writer holds the lock and waits for the disk.
func TestStatsDoesNotWait(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "receipts"), Options{})
	l.Record(delivery(1, 2))
	l.mu.Lock() // as Record does while it writes
	defer l.mu.Unlock()
	if st := l.Stats(); st.Requests != 1 || st.Bytes == 0 || st.Files != 1 {
		t.Errorf("%+v", st)
	}
}

// person selects the receipts of names by their fingerprints.
func person(names ...string) Person {
	return Person{Fingerprints: func(secret []byte) []string { return fingerprintsOf(secret, names...) }, ID: func(string) bool { return false }}
}

// A messageId or an order id identifies a person too. A dry run counts what the real run
// removes.
func TestForgetByID(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{Secret: secret})
	d := delivery(1, 5)
	d.Items[4].OrderID = people.KeyedID(secret, "ada@example.com-7")
	l.Record(d)
	p := Person{
		Fingerprints: func(secret []byte) []string { return []string{people.KeyedID(secret, "ada@example.com-7")} },
		ID:           func(s string) bool { return s == "m-1-1" || s == "o-1-2" }, Dry: true,
	}
	before, _ := os.ReadFile(path(dir, 1))
	if n, err := l.Forget(p); n != (Forgotten{Removed: 3}) || err != nil {
		t.Errorf("dry: %+v %v", n, err)
	}
	if after, _ := os.ReadFile(path(dir, 1)); !bytes.Equal(before, after) {
		t.Error("a dry run changed the file")
	}
	p.Dry = false
	if n, err := l.Forget(p); n != (Forgotten{Removed: 3}) || err != nil {
		t.Errorf("%+v %v", n, err)
	}
	for id, k := range map[string]int{"m-1-0": 1, "m-1-1": 0, "m-1-2": 0, "m-1-3": 1, "m-1-4": 0} {
		want(t, l, id, k)
	}
}

// A file with a damaged beginning is searched and rewritten like all others.
func TestForgetInADamagedFile(t *testing.T) {
	dir := t.TempDir()
	o := Options{Secret: secret, MaxSize: 1 << 20, FileSize: 16 << 10}
	l := open(t, dir, o)
	l.Record(delivery(1, 20))
	l.Close()
	b, err := os.ReadFile(path(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if err := os.WriteFile(path(dir, 1), b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, o)
	defer l.Close()
	if n, err := l.Forget(person("user-3")); err != nil || n.Removed != 1 {
		t.Errorf("forgot %+v: %v", n, err)
	}
	want(t, l, "m-1-3", 0)
	want(t, l, "m-1-4", 1)
}

// A panic in Options.Tokens does not lose the event's receipt or the others' tokens.
func TestTokensPanic(t *testing.T) {
	var log bytes.Buffer
	l := open(t, t.TempDir(), Options{Secret: secret, Logger: slog.New(slog.NewTextHandler(&log, nil)), Tokens: func(body []byte) []string {
		if bytes.Contains(body, []byte("m-1-0")) {
			panic("fault")
		}
		return []string{"wada@example.com"}
	}})
	d := delivery(1, 2)
	for i := range d.Items {
		d.Items[i].Body = fmt.Appendf(nil, `{"messageId":%q}`, d.Items[i].MessageID)
	}
	l.Record(d)
	p := person("ada@example.com")
	p.Tokens = func() []string { return []string{"wada@example.com"} }
	if n, err := l.Forget(p); n.Removed != 1 || err != nil {
		t.Errorf("%+v %v", n, err)
	}
	if st := l.Stats(); st.Requests != 1 || strings.Count(log.String(), "code=receipts_failed") != 1 {
		t.Errorf("%+v %s", st, &log)
	}
}
