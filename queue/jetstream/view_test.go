package jetstream

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	api "github.com/nats-io/nats.go/jetstream"

	"relay/queue"
)

// Every record's number leads back to its message and its place there.
func TestSequenceNumbers(t *testing.T) {
	for _, p := range []place{{0, 1}, {1, 1 << 20}, {2, 1<<46 - 1}} {
		base := newEntry(p.stream, p.seq, 1, 0).base()
		for _, i := range []queue.Seq{0, 1, maxRecords - 1} {
			if got := placeOf(base + i); got != p || int((base+i)&maxRecords) != int(i) {
				t.Errorf("record %d of %v: placeOf = %v, index %d", i, p, got, (base+i)&maxRecords)
			}
		}
		if base >= firstPosition || positionSeq(0) != firstPosition {
			t.Errorf("%v: sequence numbers reach into the positions", p)
		}
	}
}

// Numbers of chunks grow, whatever the clock shows, and leave room for the records of one.
func TestNextChunk(t *testing.T) {
	ahead := queue.Seq(time.Now().Add(time.Hour).Unix()) << 32
	for _, last := range []queue.Seq{0, 1, 5<<32 | 1<<16, ahead, ahead | 0xffff} {
		next := nextChunk(last)
		if next <= last || next&0xffff != 0 || last&0xffff == 0 && last == ahead && next != last+1<<16 {
			t.Errorf("nextChunk(%x) = %x", uint64(last), uint64(next))
		}
	}
}

func TestBits(t *testing.T) {
	var b bits
	if !b.empty() || b.has(0) || b.has(1000) {
		t.Error("a new set is not empty")
	}
	for _, i := range []int{0, 63, 64, 200} {
		b.set(i)
	}
	for i, want := range map[int]bool{0: true, 1: false, 62: false, 63: true, 64: true, 65: false, 199: false, 200: true, 201: false, 5000: false} {
		if b.has(i) != want {
			t.Errorf("has(%d) = %v", i, !want)
		}
	}
	if b.empty() {
		t.Error("empty is true with 4 numbers")
	}
}

// The ranges to settle leave out the copies that are not read.
func TestRangesOfAnEntry(t *testing.T) {
	e := newEntry(1, 7, 1, 0)
	r := func(from, to queue.Seq) queue.Range { return queue.Range{From: e.base() + from, To: e.base() + to} }
	for _, c := range []struct {
		start, end int
		hidden     []int
		want       []queue.Range
	}{
		{0, 4, nil, []queue.Range{r(0, 4)}},
		{0, 4, []int{0, 3}, []queue.Range{r(1, 3)}},
		{1, 4, []int{0, 2, 5}, []queue.Range{r(1, 2), r(3, 4)}},
		{2, 3, []int{2}, nil},
		{2, 2, nil, nil},
	} {
		if got := e.ranges(c.start, c.end, c.hidden); !slices.Equal(got, c.want) {
			t.Errorf("%d to %d without %v: %v, want %v", c.start, c.end, c.hidden, got, c.want)
		}
	}
}

// A lost record is replaced by its copy; without a copy its id may be stored again.
func TestPromoteCopy(t *testing.T) {
	v := newView()
	first, second := &chunkSpec{place: place{0, 1}, number: 1 << 16, ids: []int{0, 3}}, &chunkSpec{place: place{1, 1}, number: 2 << 16, ids: []int{3}}
	v.learn(first)
	v.learn(second)
	a, b := v.entries[first.place], v.entries[second.place]
	if a.hidden.has(1) || !b.hidden.has(0) {
		t.Fatalf("the first copy is not the one that is read: hidden %v and %v", a.hidden, b.hidden)
	}
	if got := v.promoteCopy(a, 1); got != b || b.hidden.has(0) || !a.hidden.has(1) || v.ids[idHash(3)].entry != b {
		t.Errorf("promoted %v; hidden %v and %v", got, a.hidden, b.hidden)
	}
	if got := v.promoteCopy(a, 0); got != nil {
		t.Errorf("promoted %v for a record without a copy", got)
	}
	if _, known := v.ids[idHash(0)]; known {
		t.Error("the id of a lost record is still known: a retry would not be stored")
	}
}

// A reused sequence number is recognised by the number of the chunk.
func TestAdmitRecognisesReuse(t *testing.T) {
	v := newView()
	c := chunkSpec{place: place{0, 1}, number: 1 << 16, ids: []int{0}}
	for range 2 {
		if !v.admit(c.entry()) || len(v.entries) != 1 {
			t.Error("a chunk, or the same chunk again, is not accepted or is kept twice")
		}
	}
	if c.number = 2 << 16; v.admit(c.entry()) {
		t.Error("another chunk with the same sequence number was accepted")
	}
}

// Ids are forgotten in order once their window is over, those of sales by a window of their own.
func TestExpire(t *testing.T) {
	v := newView()
	now := time.Now()
	sale := idHash(2)
	sale[15] |= 3
	v.rememberID(idHash(0), 1, time.Hour)
	v.rememberID(idHash(1), 1, 3*time.Hour)
	v.rememberID(sale, 1, 100*time.Hour)
	known := func() (n int) { return len(v.ids) }
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 3}, {2 * time.Hour, 2}, {4 * time.Hour, 1}, {99 * time.Hour, 1}, {101 * time.Hour, 0}} {
		if v.expire(now.Add(c.after)); known() != c.want {
			t.Errorf("after %v %d ids are known, want %d", c.after, known(), c.want)
		}
	}
}

// A letter is valid once its lane's row lists it; of several for one record the last valid one counts.
func TestLetters(t *testing.T) {
	v := newView()
	key := letterKey{"a", 9, 1}
	v.addLetters([]*letter{{seq: 3, id: "x", key: key}, {seq: 5, id: "x", key: key}, {seq: 4, id: "y", key: letterKey{"b", 9, 1}}})
	v.addLetters([]*letter{{seq: 3, id: "x", key: key}})
	current := func() uint64 {
		if d := v.currentLetter(key); d != nil {
			return d.seq
		}
		return 0
	}
	if got := current(); got != 5 {
		t.Errorf("a lane without a row: current letter %d, want 5", got)
	}
	ln := v.lane("a")
	for _, c := range []struct {
		listed []span
		want   uint64
	}{{nil, 0}, {[]span{{3, 4}}, 3}, {[]span{{3, 6}}, 5}} {
		ln.revision, ln.row.Letters = 1, c.listed
		if got := current(); got != c.want {
			t.Errorf("row lists %v: current letter %d, want %d", c.listed, got, c.want)
		}
	}
	if !v.othersOnly("a", 4, 5) || v.othersOnly("a", 3, 5) || v.othersOnly("a", 6, 7) {
		t.Error("othersOnly is wrong about a message of this lane, of another, or one that is not known")
	}
	v.dropLetter(v.letters[5])
	if got := current(); got != 3 {
		t.Errorf("after the last one was dropped: current letter %d, want 3", got)
	}
}

func TestHasQuorum(t *testing.T) {
	here, silent, offline := &api.PeerInfo{Active: time.Second}, &api.PeerInfo{Active: time.Minute}, &api.PeerInfo{Active: time.Second, Offline: true}
	never := &api.PeerInfo{}
	for i, c := range []struct {
		cluster *api.ClusterInfo
		want    bool
	}{
		{nil, true},
		{&api.ClusterInfo{Replicas: []*api.PeerInfo{here, here}}, false}, // no leader
		{&api.ClusterInfo{Leader: "n0", Replicas: []*api.PeerInfo{here, silent}}, true},
		{&api.ClusterInfo{Leader: "n0", Replicas: []*api.PeerInfo{silent, offline}}, false},
		{&api.ClusterInfo{Leader: "n0", Replicas: []*api.PeerInfo{never, never}}, false},
		{&api.ClusterInfo{Leader: "n0", Replicas: []*api.PeerInfo{here, never, silent, offline}}, false},
		{&api.ClusterInfo{Leader: "n0", Replicas: []*api.PeerInfo{here, here, silent, offline}}, true},
	} {
		if got := hasQuorum(c.cluster); got != c.want {
			t.Errorf("case %d: hasQuorum = %v", i, got)
		}
	}
}

// The writer takes whole calls, up to what a chunk may hold, and a large call alone.
func TestIntakeTake(t *testing.T) {
	var in intake
	in.init()
	newCall := func(size int64, entries int) *call {
		return &call{entries: make([]queue.Entry, entries), size: size, read: make(chan struct{}), done: make(chan struct{})}
	}
	var all []*call
	for _, c := range []struct {
		size    int64
		entries int
	}{{maxChunkBytes / 2, 1}, {maxChunkBytes / 2, 1}, {1, 1}, {3 * maxChunkBytes, 1}, {1, maxRecords}, {1, 1}, {1, 1}} {
		call := newCall(c.size, c.entries)
		if err := in.add(call, 100*maxChunkBytes); err != nil {
			t.Fatal(err)
		}
		all = append(all, call)
	}
	if !in.withdraw(all[6]) {
		t.Error("a waiting call cannot be withdrawn")
	}
	for _, want := range []int{2, 1, 1, 1, 1} {
		got, _ := in.take()
		if len(got) != want || got[0] != all[0] {
			t.Fatalf("took %d calls, want %d", len(got), want)
		}
		if in.withdraw(got[0]) {
			t.Error("a call that the writer has was withdrawn")
		}
		all = all[want:]
	}
	if in.bytes != 0 || in.waitingCalls() != 0 {
		t.Errorf("%d calls of %d bytes are left", in.waitingCalls(), in.bytes)
	}
	if err := in.add(newCall(10, 1), 5); err != nil {
		t.Errorf("a single call above the limit: %v", err)
	}
	last := newCall(1, 1)
	if err := in.add(last, 5); !errors.Is(err, queue.ErrBusy) {
		t.Errorf("a second call above the limit: %v, want ErrBusy", err)
	}
	in.close()
	if err := in.add(last, 5); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("after close: %v, want ErrClosed", err)
	}
}

// Errors of this engine have its own text and match the contract's.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err, is error
	}{{errStalled, queue.ErrStalled}, {errNotShown, queue.ErrStalled}, {errUnavailable, queue.ErrUnavailable}} {
		if err := fmt.Errorf("read: %w", c.err); !errors.Is(err, c.is) || err.Error() == "read: "+c.is.Error() {
			t.Errorf("%v does not match %v, or has its text", err, c.is)
		}
	}
	busy := &apiError{400, codeBeingSet, "wrong last sequence"}
	if !hasCode(fmt.Errorf("x: %w", busy), codeWrongLast) || hasCode(busy, codeNoMessage) || hasCode(errStalled, codeWrongLast) {
		t.Error("hasCode is wrong about a write in flight, another code, or another error")
	}
}
