package track

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"relay/internal/cputime"
	"relay/queue"
)

// invariants checks the package's promises about a usable message.
func invariants(t *testing.T, m *Message) {
	t.Helper()
	if m.Problem != nil || !m.Track {
		return
	}
	if !utf8.Valid(m.Body) || !jsontext.Value(m.Body).IsValid() { // jsontext refuses repeated names, too
		t.Fatalf("the stored body is not strict JSON: %q", m.Body)
	}
	if len(m.Event) == 0 || isBlank(m.Event) {
		t.Fatalf("a track call without a name: %q", m.Body)
	}
	if got := Name(m.Body); got != string(m.Event) {
		t.Fatalf("Event is %q, Name returns %q: %q", m.Event, got, m.Body)
	}
	var fields struct {
		Event string `json:"event"`
	}
	// A reader that ignores case can find another name only under another spelling.
	if json.Unmarshal(m.Body, &fields) == nil && fields.Event != string(m.Event) && !bytes.Contains(bytes.ToLower(m.Body), []byte(`"event"`)) {
		t.Fatalf("encoding/json reads %q, track %q", fields.Event, m.Event)
	}
}

// FuzzReader passes bodies to all entry points and checks the promises about the stored bytes
// and the cost.
func FuzzReader(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
		f.Add([]byte(`{"context":` + s + `,"batch":[{"event":"e"},{"event":"e","context":{"a":` + s + `}}]}`))
		f.Add([]byte(`{"event":"e","properties":{"a":` + s + `,"a":` + s + `}}`))
	}
	f.Add([]byte(`{"event":"a","event":"b","writeKey":"k1","writeKey":"k2"}`))
	f.Add([]byte(`{"context":{"c":1},"batch":[{"event":"e","context":{},"context":{},"context":{}}]}`))
	limits := Limits{EventBytes: 4096, Messages: 100}
	f.Fuzz(func(t *testing.T, b []byte) {
		if utf8.Valid(b) { // otherwise the caller must convert it first
			batch := Reader{Limits: limits}
			if batch.Scan(bytes.Clone(b), true) == nil {
				if n, bad := batch.Room(); bad == nil {
					if n > growFactor*len(b)+growFree {
						t.Fatalf("Room returns %d for a body of %d bytes", n, len(b))
					}
					room := make([]byte, 0, n)
					for k := range batch.Len() {
						var m Message
						m, room = batch.Take(k, false, room)
						invariants(t, &m)
						if m.Problem == nil && m.Track && len(m.Body) > limits.EventBytes {
							t.Fatalf("%d bytes stored, %d allowed", len(m.Body), limits.EventBytes)
						}
					}
					if cap(room) != n {
						t.Fatalf("%d bytes of buffer used, Room returned %d", cap(room), n)
					}
				}
			}
		}
		one := Reader{Limits: limits}
		if m, err := one.One(bytes.Clone(b)); err == nil {
			invariants(t, &m)
			if m.Flags&(queue.FlagRepeated|queue.FlagNaN) == 0 && m.Problem == nil && utf8.Valid(b) && !bytes.Contains(b, []byte("writeKey")) &&
				!bytes.Contains(b, []byte(`\u`)) && !bytes.Equal(m.Body, bytes.Trim(withoutMark(b), " \t\r\n")) {
				t.Fatalf("the body changed without a flag: %q -> %q", b, m.Body)
			}
		}
	})
}

// hostile are bodies that were expensive in some implementation, by a number that makes them
// larger.
var hostile = map[string]func(n int) string{
	"repeated context in a message": func(n int) string {
		return `{"context":{"a":"` + strings.Repeat("x", n) + `"},"batch":[{"event":"e",` + strings.Repeat(`"context":{},`, n/10) + `"x":1}]}`
	},
	"repeated inner names": func(n int) string {
		return `{"context":{"a":{"b":"` + strings.Repeat("x", n) + `"}},"batch":[{"event":"e","context":{` + strings.Repeat(`"a":{},`, n/10) + `"x":1}}]}`
	},
	"repeated batch context": func(n int) string {
		return `{` + strings.Repeat(`"context":{"a":1},`, n/20) + `"batch":[{"event":"e"}]}`
	},
	"a context for many": func(n int) string {
		return `{"context":{"a":"` + strings.Repeat("x", n/50) + `"},"batch":[` + strings.TrimSuffix(strings.Repeat(`{"event":"e"},`, n/20), ",") + `]}`
	},
	"many names": func(n int) string {
		var b strings.Builder
		b.WriteString(`{"event":"e"`)
		for i := range n / 10 {
			fmt.Fprintf(&b, `,"k%d":1`, i)
		}
		return b.String() + `}`
	},
	"many names, each twice": func(n int) string {
		var b strings.Builder
		b.WriteString(`{"event":"e"`)
		for i := range n / 10 {
			fmt.Fprintf(&b, `,"k%d":1`, i%(n/20))
		}
		return b.String() + `}`
	},
	"many shared names merged into many": func(n int) string {
		var b strings.Builder
		b.WriteString(`{"context":{"a":1`)
		for i := range n / 100 {
			fmt.Fprintf(&b, `,"k%d":1`, i)
		}
		return b.String() + `},"batch":[` + strings.TrimSuffix(strings.Repeat(`{"event":"e","context":{"k1":2}},`, n/100), ",") + `]}`
	},
	"names of one hash": func(n int) string { return `{"event":"e","a":{` + collisions(n/25) + `}}` },
	"names of one hash, merged": func(n int) string {
		names := collisions(n / 50)
		return `{"context":{"a":{` + names + `}},"batch":[{"event":"e","context":{"a":{` + names + `}}}]}`
	},
	"too large, white space before the end": func(n int) string {
		var b strings.Builder
		b.WriteString(`{"context":{"big":"` + strings.Repeat("x", 8000) + `"`)
		for i := range n / 20 {
			fmt.Fprintf(&b, `,"k%d":1`, i)
		}
		return b.String() + `},"batch":[{"event":"e","context":{` + strings.Repeat(" ", 255_000) + `}}]}`
	},
	"one name, all escaped": func(n int) string {
		return `{"event":"e"` + strings.Repeat(`,"\u0061\u0061\u0061":1`, n/20) + `}`
	},
	"deep":    func(n int) string { return `{"event":"e","a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` },
	"objects": func(n int) string { return strings.Repeat(`{"a":`, n/5) + "1" + strings.Repeat("}", n/5) },
	"NaN":     func(n int) string { return `{"event":"e","a":[` + strings.Repeat("NaN,", n/4) + `NaN]}` },
	"blanks": func(n int) string {
		return `{"event":"e"` + strings.Repeat(" ", n) + `,"context":{` + strings.Repeat(" ", n) + `}}`
	},
	"stray": func(n int) string { return `{"event":"` + strings.Repeat("\xff", n) + `"}` },
}

// Four times the body costs about four times the memory and time, whatever its structure, and a
// Reader keeps none of it.
func TestCost(t *testing.T) {
	for name, make := range hostile {
		var bytesOf [2]uint64
		var took [2]time.Duration
		sizes := [2]int{50_000, 200_000}
		for i, n := range sizes {
			body := []byte(make(n))
			best := time.Hour
			for range 10 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				best = min(best, cputime.Of(func() { readAll(body) }))
				runtime.ReadMemStats(&after)
				bytesOf[i] = after.TotalAlloc - before.TotalAlloc
			}
			took[i] = best
			// Merging can use 64; everything else stays far below.
			if bytesOf[i] > 100*uint64(len(body))+1<<20 {
				t.Errorf("%s: a body of %d bytes allocated %d", name, len(body), bytesOf[i])
			}
		}
		// 16 would be quadratic.
		if took[1] > 14*took[0]+20*time.Millisecond {
			t.Errorf("%s: %v for %d, %v for %d", name, took[0], sizes[0], took[1], sizes[1])
		}
		if bytesOf[1] > 8*bytesOf[0]+1<<20 {
			t.Errorf("%s: %d bytes for %d, %d for %d", name, bytesOf[0], sizes[0], bytesOf[1], sizes[1])
		}
	}
	var r Reader
	for _, make := range hostile {
		if r.Scan(ToUTF8(nil, []byte(make(200_000))), true) == nil {
			r.Room()
		}
		r.Release()
	}
	if held := cap(r.scan.names)*8 + cap(r.scan.levels)*8 + cap(r.scan.starts)*8 + cap(r.scan.plain) + cap(r.shared) + cap(r.env.messages)*128; held > 512<<10 {
		t.Errorf("a reader keeps %d bytes", held)
	}
}

// colliding are names of 16 bytes with the same hash: half of each is chosen, the other half
// solved for.
var colliding = sync.OnceValue(func() (names []string) {
	const odd = 0x9e3779b97f4a7c15
	for i := uint64(0); len(names) < 8000; i++ {
		var name [16]byte
		for k := range 8 {
			name[8+k] = 'a' + byte(i>>(4*k))&15
		}
		half := binary.LittleEndian.Uint64(name[8:])
		w := bits.RotateLeft64(half*odd, 31) ^ 0x4141414141414141
		if (w|(w-0x2020202020202020))&0x8080808080808080 != 0 {
			continue // not printable
		}
		binary.LittleEndian.PutUint64(name[:], w)
		if !bytes.ContainsAny(name[:8], "\"\\\x7f") {
			names = append(names, string(name[:]))
		}
	}
	return names
})

// collisions returns n members with such names.
func collisions(n int) string { return `"` + strings.Join(colliding()[:n], `":0,"`) + `":0` }

// The names above do share a hash; otherwise TestCost would not test collisions.
func TestCollisions(t *testing.T) {
	t.Parallel()
	body := []byte(`{` + collisions(3) + `}`)
	if s, ok := scanAll(body); !ok || !s.repeated {
		t.Fatalf("no collision: %s", body)
	}
	var w rewriter
	if out, repeated, _ := w.write(nil, body); repeated || !bytes.Equal(out, body) {
		t.Errorf("names that only share a hash were treated as equal: %s", out)
	}
}

// readAll parses a body in both ways, as far as possible.
func readAll(body []byte) {
	r := Reader{Limits: Limits{EventBytes: 256 << 10, Messages: 2500, Merged: 16 << 20}}
	if ok, err := r.Batch(bytes.Clone(body)); err == nil && ok {
		for k := range r.Len() {
			r.Next(k)
		}
	}
	_, _ = r.One(bytes.Clone(body))
	Name(body)
}
