package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/directory"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/segment"
)

// everything returns all that someone who knows the formats and the key can get out of a queue's
// directory: the bytes of every file, and every chunk and dead letter on any page, in use or not.
func everything(t *testing.T, q *Queue) []byte {
	t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(q.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(path, ".tmp") {
			return nil // it was renamed meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(path, ".tmp") {
			return nil
		}
		if err != nil {
			return err
		}
		all.Write(b)
		if d.Name() == directory.Dead {
			s, err := q.dead.opened()
			if err != nil {
				return err
			}
			return s.EachInFile(func(dl DeadLetter) { fmt.Fprintf(&all, "%+v %s", dl, dl.Body) })
		}
		num, _, ok := files.ParseName(d.Name())
		if !ok {
			return nil
		}
		return segment.Find(path, num, func(found *segment.Found) error {
			return found.Each(func(h *chunk.Header, data, _ []byte) error {
				_, pay, err := h.Split(data)
				if err != nil {
					return err
				}
				recs, err := q.zstd.Decode(q.ring, h, pay)
				if err != nil {
					return err
				}
				for _, r := range recs {
					all.WriteString(r.ID)
					all.Write(r.Body)
				}
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}

func TestForgetLeavesNothing(t *testing.T) {
	for _, key := range [][]byte{nil, bytes.Repeat([]byte{7}, 32)} {
		t.Run(fmt.Sprintf("sealed=%v", key != nil), func(t *testing.T) {
			q := openTest(t, t.TempDir(), Options{Key: key, SegmentSize: 64 << 10, NoSync: true})
			person := func(who string, n int) Entry {
				e := entry(fmt.Sprintf("%s-%d", who, n), "a")
				e.Body = fmt.Appendf(nil, `{"event":"x","n":%d,"userId":"%s","filler":%q}`, n, who, strings.Repeat(fmt.Sprint(n*7919), 40))
				return e
			}
			dead := func(who string, n int) DeadLetter {
				e := person(who, n)
				return DeadLetter{Seq: Seq(n), MessageID: e.ID, EventSet: "a", Reason: "rejected", Message: "letter of " + who, Body: e.Body}
			}
			for n := range 600 { // several segments; the person is in some of them
				who := "stranger"
				if n%97 == 5 {
					who = "person-to-forget"
				}
				mustAppend(t, q, person(who, n))
			}
			// Dead letters of the person that were dropped since: their rows are still in free pages.
			for n := range 40 {
				who := "stranger"
				if n == 3 || n == 30 {
					who = "person-to-forget"
				}
				if err := settle(q, "a", Settlement{Dead: []DeadLetter{dead(who, 1000+n)}}); err != nil {
					t.Fatal(err)
				}
			}
			var gone []string
			if err := q.DeadLetters("", func(dl DeadLetter) bool {
				if strings.HasPrefix(dl.MessageID, "person-to-forget") {
					gone = append(gone, dl.ID)
				}
				return true
			}); err != nil {
				t.Fatal(err)
			}
			if n, err := q.DropDead(gone...); err != nil || n != 2 {
				t.Fatal(n, err)
			}
			before := everything(t, q)
			for _, s := range []string{`"userId":"person-to-forget"`, "letter of person-to-forget"} {
				if !bytes.Contains(before, []byte(s)) {
					t.Fatalf("the search does not find %q, which is stored", s)
				}
			}
			n, err := forgetWhere(q, func(r Record) bool { return bytes.Contains(r.Body, []byte(`"person-to-forget"`)) })
			if err != nil {
				t.Fatal(err)
			}
			if n != 7 {
				t.Errorf("forgot %d, want the 7 records", n)
			}
			if all := everything(t, q); bytes.Contains(all, []byte("person-to-forget")) {
				t.Error("something of the person is still on disk")
			} else if !bytes.Contains(all, []byte("stranger")) {
				t.Error("other people's data is gone too")
			}
			if got := len(drainAll(t, q, "a")); got != 593 {
				t.Errorf("%d records are left, want 593", got)
			}
		})
	}
}

// forgetWhere makes a queue forget the records and letters for which match returns true.
func forgetWhere(q *Queue, match func(Record) bool) (int, error) {
	n, err := q.Forget(queue.Forget{
		Record: func(r *Record) bool { return match(*r) },
		Letter: func(d *DeadLetter) bool { return match(recordOf(*d)) },
	})
	return n.Found(), err
}

// recordOf converts a letter to a record, for functions that match records.
func recordOf(dl DeadLetter) Record {
	return Record{Seq: dl.Seq, ID: dl.MessageID, Lanes: []string{dl.EventSet}, Received: dl.ReceivedAt, Flags: dl.Flags, Body: dl.Body}
}

// A record of a failed commit is removed from the file to which it was written. A dry run counts
// what the real run removes, and changes nothing.
func TestForgetRemovesFailedCommits(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{SegmentSize: 64 << 10})
	about := func(who string, n int) Entry {
		e := entry(fmt.Sprintf("%s-%d", who, n), "a")
		e.Body = fmt.Appendf(nil, `{"event":"x","userId":"%s"}`, who)
		return e
	}
	mustAppend(t, q, about("stranger", 1), about("person-to-forget", 1))
	unmapped := about("person-to-forget", 2)
	unmapped.Lanes = []string{queue.LaneUnmapped}
	mustAppend(t, q, unmapped)
	if _, err := q.Settle("a", Settlement{Dead: []DeadLetter{{Seq: 900, MessageID: "m", EventSet: "a", Reason: "rejected", Body: []byte("person-to-forget")}}}); err != nil {
		t.Fatal(err)
	}
	syncBy := func(fn func(*seg) error) {
		if err := q.onTail(func(*writer) error { q.writer.sync = fn; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	syncBy(func(*seg) error { return errors.New("the disk says no") })
	if _, err := q.Append(t.Context(), []Entry{about("person-to-forget", 3)}); err == nil {
		t.Fatal("an append succeeded on a failing disk")
	}
	syncBy((*seg).Sync)
	for try := 0; ; try++ { // the queue tries once a second whether the disk writes again
		if _, err := q.Append(t.Context(), []Entry{about("stranger", 2)}); err == nil {
			break
		} else if try == 1000 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := os.WriteFile(filepath.Join(q.dir, "0000000000000099.seg.bad"), []byte("person-to-forget"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := queue.Forget{
		Record: func(r *Record) bool { return bytes.Contains(r.Body, []byte("person-to-forget")) },
		Letter: func(d *DeadLetter) bool { return bytes.Contains(d.Body, []byte("person-to-forget")) },
		Dry:    true,
	}
	want := queue.Forgotten{Waiting: 1, Unmapped: 1, Letters: 1, Quarantined: 1}
	if n, err := q.Forget(f); n != want || err != nil {
		t.Fatalf("dry: %+v, want %+v: %v", n, want, err)
	}
	if all := everything(t, q); bytes.Count(all, []byte("person-to-forget")) < 5 {
		t.Fatal("the dry run removed something, or the search does not find it")
	}
	f.Dry = false
	if n, err := q.Forget(f); n != want || err != nil {
		t.Fatalf("%+v, want %+v: %v", n, want, err)
	}
	if all := everything(t, q); bytes.Contains(all, []byte("person-to-forget")) {
		t.Error("something of the person is still on disk")
	}
	if n, err := q.Forget(f); n != (queue.Forgotten{}) || err != nil {
		t.Errorf("again: %+v %v", n, err)
	}
	if got := len(drainAll(t, q, "a")); got != 2 {
		t.Errorf("%d records are left, want the other person's 2", got)
	}
}

// TestForgetWaitsForUnlink: a segment that all lanes settle while it is searched is about to be
// unlinked. Its file is gone when Forget returns, without an error.
func TestForgetWaitsForUnlink(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	mustAppend(t, q, entry("m-1", "a"))
	var path string
	leave := func(*Record) bool { // like removeSettled before it unlinks
		q.mu.Lock()
		defer q.mu.Unlock()
		if s := q.segs[0]; path == "" {
			path, s.gone, q.leaving[s.Num] = s.Path, true, true
			q.segs = q.segs[1:]
			s.installed.Add(1)
		}
		return true
	}
	n, err := q.Forget(queue.Forget{Record: leave, Letter: func(*DeadLetter) bool { return false }})
	if err != nil || n.Found() != 1 {
		t.Errorf("%+v %v", n, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}
