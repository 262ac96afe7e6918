package track

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// printOf returns the fingerprint of a message.
func printOf(t testing.TB, body string) uint64 {
	t.Helper()
	var r Reader
	msg, err := r.One([]byte(body))
	if err != nil || msg.Problem != nil || !msg.Track || msg.Fingerprint == 0 {
		t.Fatalf("%s: %+v %v", body, msg, err)
	}
	return msg.Fingerprint
}

// of returns a track call with these properties.
func of(properties string) string {
	return `{"event":"E","userId":"u","properties":` + properties + `}`
}

func TestPrintSame(t *testing.T) {
	long := strings.Repeat("9", 40)
	for name, same := range map[string][]string{
		"userId":           {`{"event":"E","userId":"77"}`, `{"event":"E","userId":77}`},
		"order of members": {of(`{"a":1,"b":{"c":2,"d":3}}`), of(`{"b":{"d":3,"c":2},"a":1}`), `{"properties":{"b":{"c":2,"d":3},"a":1},"userId":"u","event":"E"}`},
		"white space":      {of(`{"a":[1,{"b":2}]}`), of("\n{ \"a\"\t:\r [ 1 , { \"b\" : 2 } ] }")},
		"spelling of text": {of(`{"name":"Ada \"é\" /\n"}`), of(`{"n\u0061me":"\u0041da \u0022\u00e9\u0022 \/\u000a"}`)},
		"long text":        {of(`{"a":"12345678901234567\u0038"}`), of(`{"a":"123456789012345678"}`)},
		"no text":          {of(`{"":""}`), of(`{"" : ""}`)},
		"one":              {of(`{"v":1}`), of(`{"v":1.0}`), of(`{"v":1e0}`), of(`{"v":10E-1}`), of(`{"v":0.1e+1}`), of(`{"v":1.000000000000000000000000000}`)},
		"zero":             {of(`{"v":0}`), of(`{"v":-0}`), of(`{"v":0.00}`), of(`{"v":0e7}`), of(`{"v":0.0000000000000000000000000000}`)},
		"money":            {of(`{"v":45.48}`), of(`{"v":45.480}`), of(`{"v":4548e-2}`), of(`{"v":0.004548E4}`)},
		"thousands":        {of(`{"v":12000}`), of(`{"v":1.2e4}`), of(`{"v":12000.000}`)},
		"negative":         {of(`{"v":-7.5}`), of(`{"v":-75e-1}`), of(`{"v":-0.000000000000000000075e20}`)},
		"large":            {of(`{"v":` + long + `}`), of(`{"v":` + long + `.0}`), of(`{"v":0.` + long + `e40}`), of(`{"v":` + long + `00e-2}`)},
		"18 digits and 19": {of(`{"v":123456789012345678}`), of(`{"v":123456789012345678.0}`), of(`{"v":1234567890123456780e-1}`)},
		"zeros within":     {of(`{"v":10000000000000000000000000001}`), of(`{"v":1.0000000000000000000000000001e28}`)},
		"not a number":     {of(`{"v":null}`), of(`{"v":NaN}`)},
		"repeated name":    {of(`{"v":2}`), of(`{"v":1,"v":2}`)},
		"sent again": {
			of(`{"v":1}`),
			`{"event":"E","userId":"u","properties":{"v":1},"messageId":"m","timestamp":"2026-11-26T10:00:00Z","sentAt":"2026-11-26T10:00:01Z","context":{"retry":1},"type":"track"}`,
			`{"event":"E","userId":"u","properties":{"v":1},"messageId":"n","originalTimestamp":"x","sentAt":"2026-11-26T10:09:01Z","context":{"retry":2},"integrations":{"All":true},"anonymousId":"a"}`,
		},
	} {
		for _, body := range same[1:] {
			if printOf(t, body) != printOf(t, same[0]) {
				t.Errorf("%s: the fingerprint of %s differs from that of %s", name, body, same[0])
			}
		}
	}
}

func TestPrintDiffers(t *testing.T) {
	all := []string{
		`{"event":"E"}`, `{"event":"F"}`, `{"event":"E","userId":"u"}`, `{"event":"E","userId":"v"}`, `{"event":"u","userId":"E"}`,
		of(`{}`), of(`[]`), of(`""`), of(`null`), of(`[[]]`), of(`[{}]`), of(`{"":{}}`),
		of(`{"a":1}`), of(`{"a":-1}`), of(`{"a":10}`), of(`{"a":0.1}`), of(`{"a":"1"}`), of(`{"a":true}`), of(`{"a":false}`), of(`{"a":null}`), of(`{"a":0}`),
		of(`{"a":2}`), of(`{"b":1}`), of(`{"a":1,"b":1}`), of(`{"a":{"b":1}}`), of(`{"a":1e1000}`), of(`{"a":1e1001}`), of(`{"a":1e-1000}`),
		of(`{"a":[1]}`), of(`{"a":[1,2]}`), of(`{"a":[2,1]}`), of(`{"a":[1,[2]]}`), of(`{"a":[[1],2]}`), of(`{"a":[1,null]}`),
		of(`{"a":"b","c":"d"}`), of(`{"a":"d","c":"b"}`), of(`{"b":"a","d":"c"}`),
		of(`{"a":"x"}`), of(`{"a":"xx"}`), of(`{"a":"x\u0000"}`), of(`{"a":"xxxxxxx"}`), of(`{"a":"xxxxxxxx"}`), of(`{"a":"xxxxxxxxx"}`),
		of(`{"a":"12345678"}`), of(`{"a":"12345678\u0000"}`), of(`{"a":"1234567812345678"}`),
		of(`{"a":1000000000000000000005}`), of(`{"a":100000000000000000005}`), of(`{"a":10000000000000000005}`), of(`{"a":1000000000000000005}`), of(`{"a":100000000000000005}`),
	}
	seen := make(map[uint64]string)
	for _, body := range all {
		p := printOf(t, body)
		if other, ok := seen[p]; ok {
			t.Errorf("%s and %s have the same fingerprint", body, other)
		}
		seen[p] = body
	}
}

// Fingerprints depend on the key, and are the same after a restart.
func TestPrintKey(t *testing.T) {
	prints := make(map[uint64]bool)
	for _, key := range []FingerprintKey{{}, NewFingerprintKey([]byte("one secret")), NewFingerprintKey([]byte("another"))} {
		r := Reader{Key: key}
		msg, err := r.One([]byte(of(`{"a":1}`)))
		if err != nil {
			t.Fatal(err)
		}
		prints[msg.Fingerprint] = true
	}
	if len(prints) != 3 {
		t.Errorf("%d different fingerprints with 3 keys", len(prints))
	}
	// Stored ids are compared with it: it must not change within a format.
	r := Reader{Key: NewFingerprintKey([]byte("one secret"))}
	msg, err := r.One([]byte(of(`{"a":[1.5,"\u00e9",null,true,false],"b":{"long text of some words":12345678901234567890}}`)))
	if want := uint64(0xd7fe797b52b628bb); err != nil || msg.Fingerprint != want {
		t.Errorf("fingerprint %#x, want %#x: %v", msg.Fingerprint, want, err)
	}
}

// Only a usable track call has a fingerprint, which the batch's shared members do not change.
func TestPrintOfMessages(t *testing.T) {
	var r Reader
	body := []byte(`{"context":{"a":1},"sentAt":"2026-11-26T10:00:00Z","batch":[{"event":"E","userId":"u","properties":{"v":1}},{"type":"page"},{"properties":{}},7,{"properties":{"v":1.0},"userId":"u","event":"E"}]}`)
	if ok, err := r.Batch(body); !ok || err != nil {
		t.Fatal(ok, err)
	}
	var got [5]uint64
	for k := range got {
		got[k] = r.Next(k).Fingerprint
	}
	one := printOf(t, of(`{"v":1}`))
	if got != [5]uint64{one, 0, 0, 0, one} {
		t.Errorf("%x, want %x, 0, 0, 0, %x", got, one, one)
	}
}

// Any value has the same fingerprint however it is written, and another one if one of its
// leaves changes.
func TestPrintOfAnything(t *testing.T) {
	for seed := range uint64(2000) {
		leaves := 0
		write := func(spelling uint64, change int) string {
			w := speller{values: rand.New(rand.NewPCG(seed, 1)), how: rand.New(rand.NewPCG(seed, spelling)), change: change}
			text := w.value(0)
			leaves = w.leaves
			return of(text)
		}
		plain, other := write(1, 0), write(2, 0)
		if printOf(t, plain) != printOf(t, other) {
			t.Fatalf("seed %d: different fingerprints of\n%s\n%s", seed, plain, other)
		}
		if leaves == 0 {
			continue
		}
		if changed := write(1, 1+int(seed)%leaves); printOf(t, plain) == printOf(t, changed) {
			t.Fatalf("seed %d: the same fingerprint of\n%s\n%s", seed, plain, changed)
		}
	}
}

// speller writes a random value with random spelling.
type speller struct {
	values, how *rand.Rand
	leaves      int
	change      int // the leaf to change; 0: none
}

func (w *speller) space() string { return strings.Repeat(" ", w.how.IntN(2)) }

func (w *speller) value(depth int) string {
	n := w.values.IntN(5)
	switch kind := w.values.IntN(7); {
	case kind < 2 && depth < 4:
		members := make([]string, n)
		for i := range members {
			members[i] = w.text(fmt.Sprint("name", i)) + w.space() + ":" + w.value(depth+1)
		}
		w.how.Shuffle(n, func(i, j int) { members[i], members[j] = members[j], members[i] })
		return "{" + strings.Join(members, w.space()+",") + "}"
	case kind == 2 && depth < 4:
		items := make([]string, n)
		for i := range items {
			items[i] = w.space() + w.value(depth+1)
		}
		return "[" + strings.Join(items, ",") + w.space() + "]"
	}
	w.leaves++
	another := w.leaves == w.change
	kind, size, number := w.values.IntN(2), w.values.IntN(20), 1+w.values.Uint64()>>w.values.IntN(63)
	if kind == 0 {
		text := strings.Repeat("ä", size%3) + strings.Repeat("x", size)
		if another {
			text += "y"
		}
		return w.text(text)
	}
	if another {
		number ^= 1 << 62
	}
	zeros := w.how.IntN(3)
	switch w.how.IntN(3) {
	case 0:
		return fmt.Sprintf("%d.%s0", number, strings.Repeat("0", zeros))
	case 1:
		return fmt.Sprintf("%d%se-%d", number, strings.Repeat("0", zeros), zeros)
	}
	return fmt.Sprint(number)
}

// text writes each character unchanged or as an escape.
func (w *speller) text(t string) string {
	var b strings.Builder
	for _, c := range t {
		if w.how.IntN(8) == 0 {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return `"` + b.String() + `"`
}

// The fingerprint of any input is that of the same value sorted and formatted by jsontext.
func FuzzPrint(f *testing.F) {
	for _, s := range []string{`{"b":[1.50,{"a":"\u00e9\\"}],"a":-0e7}`, `{"":12345678901234567890123.0,"x":"12345678"}`, `[[],{},"",null,true,false]`, `1E400`, `{"a":NaN}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		sorted := jsontext.Value(slices.Clone(value))
		if sorted.Format(jsontext.ReorderRawObjects(true), jsontext.CanonicalizeRawFloats(false), jsontext.CanonicalizeRawInts(false)) != nil {
			value, sorted = []byte(`0`), jsontext.Value(`-0.0`) // not JSON, or a repeated name
		}
		if strings.Contains(string(value), `\u`) && strings.Contains(strings.ToLower(string(value)), `\ud`) {
			return // half a pair is replaced differently
		}
		r := Reader{Key: NewFingerprintKey([]byte("secret"))}
		print := func(v []byte) uint64 {
			msg, err := r.One(slices.Concat([]byte(`{"event":"E","properties":`), v, []byte(`}`)))
			if err != nil || msg.Problem != nil && msg.Problem != TooDeep {
				t.Fatalf("%s: %v %v", v, err, msg.Problem)
			}
			return msg.Fingerprint
		}
		if print(value) != print(sorted) {
			t.Fatalf("different fingerprints of\n%s\n%s", value, sorted)
		}
	})
}
