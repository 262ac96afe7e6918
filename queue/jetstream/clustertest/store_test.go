package clustertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// store simulates a shop as a hub sees it: a log with an epoch that is forwarded in chunks, in the
// format documented in relay/internal/forward. It keeps its own records and uses none of relay's
// code.
type store struct {
	name, key, version string
	epoch              [16]byte
	received           time.Time
	nap                time.Duration // approximate time between two chunks

	mu      sync.Mutex
	done    int // events that a relay confirmed
	stored  int // events that relays reported as stored
	refused map[int]int
	last    time.Time // of the last answer 200
}

func newStore(name string) *store {
	s := &store{name: name, key: "key-of-simulated-store-" + name, version: "sim-1", received: time.Now().Truncate(time.Millisecond), refused: make(map[int]int)}
	rand.Read(s.epoch[:])
	return s
}

// messageID returns an event's message id, the same in all stores.
func messageID(i int) string { return fmt.Sprint("till-1-", i) }

// eventID is the event_id that Meta receives.
func (s *store) eventID(i int) string { return s.name + ":" + messageID(i) }

func (s *store) body(i int) string {
	return fmt.Sprintf(`{"type":"track","messageId":%q,"event":"Order Completed","userId":"loyal-%s-%d","properties":{"order_id":"%s-%d","revenue":19.5,"currency":"USD"},"context":{"traits":{"email":"person.%s.%d@example.com"}}}`,
		messageID(i), s.name, i, s.name, i, s.name, i)
}

var packer, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

// chunk encodes the events from from to to for the network, in a version of the format.
func (s *store) chunk(version byte, from, to, waiting int) []byte {
	raw := append(bytes.Clone(s.epoch[:]), 0)
	raw = binary.AppendUvarint(raw, uint64(1<<32+from))
	raw = binary.AppendUvarint(raw, uint64(1<<32+to))
	raw = binary.AppendUvarint(raw, uint64(waiting))
	raw = binary.AppendVarint(raw, s.received.UnixMilli())
	text := func(t string) { raw = append(binary.AppendUvarint(raw, uint64(len(t))), t...) }
	text(s.version)
	raw = binary.AppendUvarint(raw, uint64(to-from))
	for i := from; i < to; i++ {
		raw = binary.AppendUvarint(raw, uint64(i-from))
		raw = binary.AppendVarint(raw, s.received.UnixMilli())
		raw = binary.AppendUvarint(raw, 0)
		text(messageID(i))
		text(s.body(i))
	}
	out := append([]byte("relayfwd"), version)
	return packer.EncodeAll(raw, binary.LittleEndian.AppendUint32(out, uint32(len(raw))))
}

type chunkAnswer struct {
	Success         bool
	Stored, Repeats int
	Code            string
	Versions        []int
}

var storeClient = http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 5 * time.Second}}

func (s *store) post(ctx context.Context, relay string, body []byte) (a chunkAnswer, status int, wait time.Duration) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, relay+"/v1/forward", bytes.NewReader(body))
	if err != nil {
		return a, 0, 0
	}
	req.Header.Set("Content-Type", "application/x-relay-forward")
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := storeClient.Do(req)
	if err != nil {
		return a, 0, 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(b, &a) != nil {
		return a, 0, 0
	}
	var seconds int
	fmt.Sscan(resp.Header.Get("Retry-After"), &seconds) //nolint:errcheck // none: 0
	return a, resp.StatusCode, time.Duration(seconds) * time.Second
}

// handOver forwards the events from from to to, in chunks of n, to any of the relays. Now and then
// an answer is lost and the chunk goes to another relay, or it goes to both at once.
func (s *store) handOver(ctx context.Context, from, to, n int, relays []*running) {
	for at, failures := from, 0; at < to && ctx.Err() == nil; {
		end := min(at+n, to)
		body := s.chunk(1, at, end, to-at)
		first := mrand.IntN(len(relays))
		ask := relays[first : first+1]
		if mrand.IntN(8) == 0 {
			ask = relays
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		taken, stop := false, time.Duration(0)
		for _, r := range ask {
			all.Go(func() {
				a, status, wait := s.post(ctx, r.url, body)
				mu.Lock()
				defer mu.Unlock()
				s.mu.Lock()
				defer s.mu.Unlock()
				if status == http.StatusOK && a.Success {
					taken = true
					s.stored += a.Stored
					s.last = time.Now()
				} else {
					s.refused[status]++
				}
				stop = max(stop, wait)
			})
		}
		all.Wait()
		if taken && mrand.IntN(5) > 0 { // otherwise the answer was lost
			at, failures = end, 0
			s.mu.Lock()
			s.done = max(s.done, at)
			s.mu.Unlock()
			time.Sleep(time.Duration(2 * mrand.Float64() * float64(s.nap)))
			continue
		}
		if !taken {
			failures++
			back := time.Duration(mrand.Int64N(int64(min(50*time.Millisecond<<min(failures, 7), 3*time.Second))))
			time.Sleep(max(back, stop+time.Duration(mrand.Int64N(int64(stop)/2+1))))
		}
	}
}
