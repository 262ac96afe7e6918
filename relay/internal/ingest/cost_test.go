package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// allocated returns how many bytes fn allocates on the heap.
func allocated(fn func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// What a request can cost: per byte of its body, packed or unpacked within the limit, and
// fixed.
const (
	perByte    = 48
	perRequest = 8 << 20 // buffers of the largest class, allocated once
)

// FuzzRequestCost sends anything as a body, packed or not, and as credentials. A request costs
// memory in proportion to its size, and has returned all buffers once it is answered.
func FuzzRequestCost(f *testing.F) {
	pack := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write(b)
		_ = w.Close()
		return out.Bytes()
	}
	big := bytes.Repeat([]byte(`{"event":"e","context":{"a":1}},`), 3000)
	for _, b := range [][]byte{
		[]byte(order), pack([]byte(order)), pack(bytes.Repeat([]byte{' '}, 1<<20)), pack(pack([]byte(order))), bytes.Repeat(pack(nil), 2000),
		[]byte(`{"context":{"a":{}},"batch":[` + string(big) + `{}]}`), bytes.Repeat([]byte("["), 10000), []byte(`{"batch":[` + strings.Repeat(`{"context":{},"context":{}},`, 500) + `{}]}`),
		pack([]byte(`{"context":{"big":"` + strings.Repeat("x", 10000) + `"},"batch":[` + strings.Repeat(`{"event":"e"},`, 200) + `{"event":"e"}]}`)),
	} {
		f.Add(b, "Basic "+base64.StdEncoding.EncodeToString([]byte(strings.Repeat(":", 2000))), true)
		f.Add(b, "Bearer key", false)
	}
	h, err := New(Options{Queue: &memory{}, Route: routes, Keys: []Key{{Key: "key"}}, MaxRequestBytes: minRequestBytes})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, credentials string, packed bool) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/batch", bytes.NewReader(body))
		r.Header.Set("Authorization", credentials)
		size := int64(len(body) + len(credentials))
		if packed {
			r.Header.Set("Content-Encoding", "gzip")
			size += min(1032*int64(len(body)), minRequestBytes) // the most that deflate can make of a byte
		}
		if cost := allocated(func() { h.ServeHTTP(httptest.NewRecorder(), r) }); cost > perRequest+perByte*size {
			t.Errorf("%d bytes allocated for a request of %d (unpacked up to %d)", cost, len(body), size)
		}
		if lent := h.buffers.used.Load(); lent != 0 {
			t.Errorf("%d bytes still lent after the answer", lent)
		}
		h.o.Queue.(*memory).take()
	})
}

// Near its memory limit relay refuses requests and stores nothing; afterwards it accepts them
// again.
func TestShortOfMemory(t *testing.T) {
	short := true
	url, _, m := start(t, Options{MemoryShort: func() bool { return short }}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	a := raw(t, addr, head+"Content-Length: ", order)
	checkFailure(t, []byte(a.body), "busy")
	if a.status != 429 || a.header.Get("Retry-After") == "" || len(m.take()) != 0 {
		t.Errorf("%d %v", a.status, a.header)
	}
	short = false
	if a := raw(t, addr, head+"Content-Length: ", order); a.status != 200 || len(m.take()) != 1 {
		t.Errorf("with enough memory again: %d", a.status)
	}
}
