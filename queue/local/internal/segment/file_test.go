package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
	"relay/queue/local/internal/ids"
)

const num = 7

// chunksOf returns n chunks of three records each, the first one at index from.
func chunksOf(t *testing.T, from, n int) (out []Chunk) {
	t.Helper()
	keys, err := seal.NewKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := chunk.NewBuilder(chunk.NewCodec(), seal.NewRing(keys))
	for i := range n {
		b.Start(num<<32 + queue.Seq(from+3*i))
		for j := range 3 {
			id := fmt.Sprintf("m-%d", from+3*i+j)
			hash := ident.HashOf(nil, &[32]byte{}, &queue.Entry{ID: id})
			b.Add(&chunk.Item{Hash: hash, Lanes: []string{"a"}, SetKey: chunk.SetKey([]string{"a"}), Received: 1000, ID: id, Body: make([]byte, 5000*i)})
		}
		data, h, err := b.Finish(nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Chunk{h, data})
	}
	return out
}

// tail creates a segment with one Put per chunk, and returns its summary.
func tail(t *testing.T, chunks []Chunk) (*File, Summary) {
	t.Helper()
	dir := t.TempDir()
	s := &File{Num: num, Path: Path(dir, num)}
	if err := errors.Join(Create(dir, NewInfo(num, time.UnixMilli(5), []byte("secret")), false), s.OpenTail(1<<20)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var sum Summary
	for _, c := range chunks {
		if _, err := s.Put([]Chunk{c}, true); err != nil {
			t.Fatal(err)
		}
		sum.Add(&c.Header)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	return s, sum
}

// firsts reads the chunks from an index on and returns their first indexes.
func firsts(p *Pool, s *File, from uint32, sum Summary) (got []uint32, err error) {
	known := Known{
		End:   sum.Next,
		Check: func() (err error) { sum.Gaps, err = s.Check(&sum); return err },
		Gaps:  func() Gaps { return sum.Gaps },
	}
	err = p.Chunks(s, from, known, func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
		rows, _, err := body()
		if err == nil && len(rows) != 3*ids.Row {
			err = errors.New("ids are missing")
		}
		got = append(got, uint32(h.First))
		return true, err
	})
	return got, err
}

// noVoid reports no chunk as void.
func noVoid(*chunk.Header) bool { return false }

func TestWriteSealRead(t *testing.T) {
	s, sum := tail(t, chunksOf(t, 0, 5))
	x, err := s.Examine(func(h *chunk.Header) bool { return h.First == num<<32+6 }, true)
	if err != nil || x.Torn || !x.Voided || x.Sum.Records != 12 || len(x.IDs) != 12 {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := ReadSummary(s.Path); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("summary of an unsealed segment: %v", err)
	}
	if err := s.Seal(&sum, false); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSummary(s.Path); err != nil || !got.same(&sum) {
		t.Errorf("%+v, want %+v; %v", got, sum, err)
	}
	if info, err := ReadInfo(s.Path); err != nil || info.Segment != num || string(info.Secret) != "secret" || info.Created.UnixMilli() != 5 {
		t.Errorf("%+v, %v", info, err)
	}
	if id, ok := FirstKey(s.Path); !ok || id != 0 {
		t.Errorf("key %x %v", id, ok)
	}
	var p Pool
	for from, want := range map[uint32][]uint32{0: {0, 3, 6, 9, 12}, 4: {3, 6, 9, 12}, 12: {12}, 15: nil} {
		s.Checked.Store(false)
		p.Shut(s)
		if got, err := firsts(&p, s, from, sum); err != nil || !slices.Equal(got, want) {
			t.Errorf("from %d: %v, want %v; %v", from, got, want, err)
		}
	}
	other := sum.Clone()
	other.Records++
	if _, err := s.Check(&other); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("wrong summary: %v", err)
	}
	p.Shut(s)
	if err := os.Remove(s.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := firsts(&p, s, 0, sum); !errors.Is(err, ErrGone) {
		t.Errorf("removed file: %v", err)
	}
}

// Chunks are found without the tree. The segment written from them skips the missing ones and
// nothing else.
func TestFindAndWrite(t *testing.T) {
	s, sum := tail(t, chunksOf(t, 0, 5))
	if err := s.Seal(&sum, false); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.Path)
	if err == nil {
		clear(b[:2*os.Getpagesize()])
		err = os.WriteFile(s.Path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Examine(noVoid, false); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("Examine: %v", err)
	}
	var left Summary
	if err := Find(s.Path, num, func(found *Found) (err error) {
		left, err = Write(s.Path, NewInfo(num, time.Now(), nil), 1<<20, false, func(put func(h *chunk.Header, data []byte) error) error {
			return found.Each(func(h *chunk.Header, data, _ []byte) error {
				if h.First == num<<32+6 {
					return nil
				}
				return put(h, data)
			})
		})
		return errors.Join(err, found.Unread())
	}); err != nil {
		t.Fatal(err)
	}
	if left.Records != 12 || left.Missing != 3 || left.Next != 15 {
		t.Errorf("%+v", left)
	}
	if err := os.Rename(s.Path+TmpSuffix, s.Path); err != nil {
		t.Fatal(err)
	}
	s = &File{Num: num, Path: s.Path}
	stored, err := ReadSummary(s.Path)
	if err != nil {
		t.Fatal(err)
	}
	var p Pool
	defer p.Shut(s)
	if got, err := firsts(&p, s, 5, stored); err != nil || !slices.Equal(got, []uint32{3, 9, 12}) {
		t.Errorf("%v, %v", got, err)
	}
}

// Write leaves no file if fill fails.
func TestWriteFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.seg")
	refused := errors.New("refused")
	if _, err := Write(path, NewInfo(num, time.Now(), nil), 1<<20, false, func(func(*chunk.Header, []byte) error) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if es, err := os.ReadDir(filepath.Dir(path)); err != nil || len(es) > 0 {
		t.Errorf("files left: %v, %v", es, err)
	}
}
