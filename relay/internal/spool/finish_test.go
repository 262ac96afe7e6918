package spool

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/internal/seal"
)

func sealRing(t *testing.T, b byte) *seal.Ring {
	t.Helper()
	keys, err := seal.NewKeys(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewRing(keys)
}

// With a key neither content nor names are kept in plain text, and kept files can be listed and
// opened.
func TestSealed(t *testing.T) {
	t.Parallel()
	ring := sealRing(t, 1)
	s := newStage(t, DirectoryOptions{Keep: time.Hour, Seal: ring})
	files := map[string]string{"pat.jsonl": sales(0, 3000) + "pat@example.com\n", "kim@example.com.jsonl": "kim@example.com\n", "b.csv": "event,timestamp,x\nSale,2026-11-20T10:00Z,lee@example.com\n"}
	for name, content := range files {
		drop(t, s.dir, name, content)
	}
	s.pass(5 * time.Second)
	drop(t, s.dir, "b.csv", files["b.csv"])
	s.pass(5 * time.Second)
	if got := tree(t, s.dir); got != "done/CLAIM.sealed done/CLAIM.sealed done/CLAIM.sealed refused/CLAIM.jsonl.sealed refused/CLAIM.jsonl.sealed refused/CLAIM.sealed" {
		t.Errorf("files %s", got)
	}
	if st := s.Status(); st.Refused != 3 || st.RefusedFiles != 1 {
		t.Errorf("%+v", st)
	}
	list := func(ring *seal.Ring) (names []string, kept *Kept, all []KeptFile) {
		kept = must(OpenKept(s.dir, ring))
		t.Cleanup(func() { _ = kept.Close() })
		all = must(kept.List())
		for _, f := range all {
			name := f.Name
			for part := range strings.SplitSeq(path.Base(name), ".") {
				if len(part) == 16 {
					name = strings.ReplaceAll(name, part, "CLAIM")
				}
			}
			names = append(names, name)
		}
		slices.Sort(names)
		return names, kept, all
	}
	names, kept, all := list(ring)
	if got := strings.Join(names, " "); got != "done/b.csv done/b.csv.CLAIM done/pat.jsonl refused/kim@example.com.jsonl refused/kim@example.com.jsonl.CLAIM.jsonl refused/pat.jsonl.CLAIM.jsonl" {
		t.Errorf("list %s", got)
	}
	read := func(k *Kept, name string) (string, error) {
		r, err := k.Open(name)
		if err != nil {
			return "", err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		return string(b), err
	}
	for _, f := range all {
		was := files[path.Base(strings.TrimSuffix(f.Name, "."+strings.TrimSuffix(path.Base(f.File), ".sealed")))]
		if strings.HasSuffix(f.File, ".jsonl.sealed") { // a report
			was = ""
		}
		for _, name := range []string{f.Name, f.File, strings.TrimSuffix(f.File, ".sealed")} {
			if got, err := read(kept, name); err != nil || was != "" && got != was || got == "" {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		if b, _ := os.ReadFile(s.path(f.File)); bytes.Contains(b, []byte("example.com")) || bytes.Contains(b, []byte("pat")) {
			t.Errorf("%s is not sealed", f.File)
		}
	}
	names, kept, all = list(sealRing(t, 2))
	if got := strings.Join(names, " "); strings.Contains(got, "b.csv") || len(all) != 6 {
		t.Errorf("list with another key: %s", got)
	}
	if got, err := read(kept, all[0].Name); !errors.Is(err, seal.ErrKey) {
		t.Errorf("with another key: %q %v", got, err)
	}
	s.now = s.now.Add(2 * time.Hour)
	s.pass(time.Second)
	if got := tree(t, s.dir); strings.Contains(got, "done/") || !strings.Contains(got, "refused/CLAIM.sealed") {
		t.Errorf("after spool_keep: %s", got)
	}
}

// Files kept from before there was a key are sealed once there is one. They keep their name and
// modification time, and are listed as before.
func TestSealedLater(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: 3 * time.Hour})
	drop(t, s.dir, "pat.jsonl", sales(0, 3)+"pat@example.com\n")
	drop(t, s.dir, "kim@example.com.jsonl", "kim@example.com\n")
	s.pass(5 * time.Second)
	list := func(ring *seal.Ring) (names []string) {
		kept := must(OpenKept(s.dir, ring))
		defer kept.Close()
		for _, f := range must(kept.List()) {
			r := must(kept.Open(f.Name))
			names = append(names, f.Name+" "+string(must(io.ReadAll(r)))+f.Since.String())
			_ = r.Close()
		}
		slices.Sort(names)
		return names
	}
	before := list(nil)
	if len(before) != 4 {
		t.Fatal(before)
	}
	s.now = s.now.Add(2 * time.Hour)
	s.o.Seal = sealRing(t, 1)
	s.again()
	s.pass(time.Second)
	if got := s.log.String(); !strings.Contains(got, "code=spool_sealed files=4") {
		t.Error(got)
	}
	if got := tree(t, s.dir); strings.Contains(got, "pat") || strings.Contains(got, "kim") || strings.Count(got, ".sealed") != 4 {
		t.Errorf("files %s", got)
	}
	if s := everyByte(t, s.dir); strings.Contains(s, "example.com") {
		t.Error("something is not sealed")
	}
	if after := list(s.o.Seal); !slices.Equal(before, after) {
		t.Errorf("%q\n%q", before, after)
	}
	s.now = s.now.Add(2 * time.Hour)
	s.pass(time.Second)
	if got := tree(t, s.dir); strings.Contains(got, "done/CLAIM.sealed") || !strings.Contains(got, "refused/CLAIM.sealed") {
		t.Errorf("after spool_keep: %s", got)
	}
}

// A file with any name is taken, and kept under a name that is visible, can be typed and can be
// extended.
func TestKeptNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a b.csv": "a b.csv", "-rf.csv": "_rf.csv", "a\nb.csv": "a_b.csv", "a\x1b[2Jb.csv": "a_[2Jb.csv", "evil\u202evsc.exe.csv": "evil_vsc.exe.csv", "caf\xe9.csv": "caf_.csv", "Müller.csv": "Müller.csv",
		strings.Repeat("x", 251) + ".csv":    strings.Repeat("x", 156) + ".csv",
		strings.Repeat("ü", 124) + ".csv.gz": strings.Repeat("ü", 76) + ".csv.gz", "$(id).csv": "$(id).csv", "';--.jsonl": "';--.jsonl", "..csv": "..csv",
	} {
		s := newStage(t, DirectoryOptions{Keep: -1})
		content := "event,timestamp\nSale,2026-11-20T10:00Z\nSale\n"
		if strings.HasSuffix(name, ".jsonl") {
			content = sales(0, 1) + "bad\n"
		}
		if strings.HasSuffix(name, ".gz") {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, content)
			_ = z.Close()
			content = b.String()
		}
		if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
			t.Logf("%q cannot be made here: %v", name, err)
			continue
		}
		s.pass(15 * time.Second)
		if name == "..csv" { // hidden
			continue
		}
		if got := tree(t, s.dir); got != "done/"+want+" refused/"+want+".CLAIM.jsonl" || s.m.count() != 1 {
			t.Errorf("%q: %q, %d stored\n%s", name, got, s.m.count(), &s.log)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// With Keep 0 only refused files are kept.
func TestKeepNone(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: 0})
	drop(t, s.dir, "a.jsonl", sales(0, 3)+"bad\n")
	drop(t, s.dir, "bad.jsonl", "bad\n")
	s.pass(5 * time.Second)
	if got := tree(t, s.dir); got != "refused/a.jsonl.CLAIM.jsonl refused/bad.jsonl refused/bad.jsonl.CLAIM.jsonl" || s.m.count() != 3 {
		t.Errorf("files %s, %d stored", got, s.m.count())
	}
}

// The retention is logged at the start.
func TestRetentionIsLogged(t *testing.T) {
	t.Parallel()
	for keep, want := range map[time.Duration]string{0: "deleted at once", 7 * 24 * time.Hour: "spool_keep=168h0m0s", -1: "kept in done"} {
		s := newStage(t, DirectoryOptions{Keep: keep})
		s.announce()
		if log := s.log.String(); !strings.Contains(log, want) || !strings.Contains(log, "code=spool_keeps") {
			t.Errorf("%v:\n%s", keep, log)
		}
	}
}

// A sealed file named after a person is renamed by a forget, whether it can be searched or not.
func TestForgetSealedName(t *testing.T) {
	t.Parallel()
	ring := sealRing(t, 1)
	s := newStage(t, DirectoryOptions{Keep: -1, Seal: ring})
	drop(t, s.dir, "export-ada@x.example.jsonl", sales(0, 2))
	drop(t, s.dir, "export-ada@x.example.csv", "PK\x03\x04")
	drop(t, s.dir, "ada@x.example.csv", "%PDF")
	drop(t, s.dir, "neighbour-boada@x.example.jsonl", sales(0, 2))
	s.pass(15 * time.Second)
	list := func() (names string) {
		kept := must(OpenKept(s.dir, ring))
		defer kept.Close()
		for _, f := range must(kept.List()) {
			names += f.Name + " "
		}
		return names
	}
	if got := list(); strings.Count(got, "ada@x.example") < 4 {
		t.Fatal(got)
	}
	if _, err := s.Forget(t.Context(), whoIs(t, "ada@x.example"), false); err != nil {
		t.Fatal(err)
	}
	got := list()
	if strings.Contains(strings.ReplaceAll(got, "boada@x.example", ""), "ada@x.example") || !strings.Contains(got, "done/renamed-") || !strings.Contains(got, "refused/renamed-") || !strings.Contains(got, "boada@") {
		t.Errorf("after it: %s", got)
	}
}
