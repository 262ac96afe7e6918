package segment

import (
	"bytes"
	"encoding/binary"
	"testing"

	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
)

// FuzzSummary decodes arbitrary bytes as a summary, with the checksum corrected. Nothing
// panics, and what is read encodes to itself.
func FuzzSummary(f *testing.F) {
	sum := Summary{Next: 9, Records: 5, Chunks: 2, Lanes: []chunk.Lane{{Name: "a", Count: 5, Last: 8}}}
	js, err := sum.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(js[:len(js)-4])
	f.Add([]byte("{}"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, plain []byte) {
		s, err := decodeSummary(binary.LittleEndian.AppendUint32(bytes.Clone(plain), format.CRC(plain)))
		if err != nil {
			return
		}
		b, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeSummary(b); err != nil || !again.same(&s) {
			t.Errorf("%+v reads back as %+v, %v", s, again, err)
		}
	})
}
