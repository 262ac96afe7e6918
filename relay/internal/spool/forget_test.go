package spool

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/person"
	"relay/relay/internal/spool/rows"
)

func whoIs(t *testing.T, lines ...string) *person.Matcher {
	t.Helper()
	names, err := person.Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	return person.NewMatcher(names)
}

// everyByte returns all content below dir, unpacked and without NUL bytes.
func everyByte(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		all.WriteString(e.Name() + "\n")
		b, err := os.ReadFile(path)
		if z, zerr := gzip.NewReader(bytes.NewReader(b)); zerr == nil {
			b, _ = io.ReadAll(z)
		}
		all.Write(bytes.ReplaceAll(b, []byte{0}, nil)) // to match UTF-16 too
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func zipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wide(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

const (
	adasLine = `{"event":"E","messageId":"%s","timestamp":"2026-01-31T09:00:00Z","userId":"4242","context":{"traits":{"email":"Ada@x.example"}}}` + "\n"
	bosLine  = `{"event":"E","messageId":"b","timestamp":"2026-01-31T09:00:00Z","context":{"traits":{"email":"boada@x.example"}}}` + "\n"
)

// Rows of a person are removed from all files in the directory, in every format; other people's
// rows stay. Pending files are stored first.
func TestForget(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	m := &memory{}
	d := newDirectory(t, DirectoryOptions{Keep: -1, Dir: dir, Queue: m, Quiet: 10 * time.Millisecond})
	line := func(id string) string { return strings.ReplaceAll(adasLine, "%s", id) }
	done := map[string]string{
		"lines.jsonl":           line("a1") + bosLine,
		"only-hers.jsonl":       line("a2"),
		"list.json":             "[" + strings.TrimSpace(line("a3")) + ",\n" + strings.TrimSpace(bosLine) + "]",
		"table.csv":             "event;timestamp;context.traits.email\nE;2026-01-31T09:00:00Z;\"ada@x.example\"\nE;2026-01-31T09:00:00Z;boada@x.example\n",
		"wide.csv":              wide("event;timestamp;email\r\nE;2026-01-31T09:00:00Z;ada@x.example\r\nE;2026-01-31T09:00:00Z;boada@x.example\r\n"),
		"ids.csv":               "event,Kunde,amount\nE,4242,1\nE,14242,4\n",
		"no-header.csv":         "E,ada@x.example,1\nE,boada@x.example,4\n",
		"packed.jsonl.gz":       zipped(t, line("a4")+bosLine),
		"ada@x.example.csv":     "event,amount\nE,7731\n",
		"torn.csv":              "event,email\nE,\"boada@x.example\nE,ada@x.example\n",
		"broken.jsonl":          `{"event":"E","email":"ada@x.example"` + "\n" + bosLine,
		"workbook.xlsx":         "PK\x03\x04ada",
		"neighbours-only.jsonl": bosLine,
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name, content := range done {
		drop(t, filepath.Join(dir, doneDir), name, content)
		if err := os.Chtimes(filepath.Join(dir, doneDir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	drop(t, filepath.Join(dir, refusedDir), "x.csv.0123456789abcdef.jsonl",
		`{"row":1,"code":"c","message":"m","text":"E,4242,1"}`+"\n"+`{"row":2,"code":"c","message":"m","text":"{\"email\":\"ada@x.example\"}"}`+"\n"+`{"row":3,"code":"c","message":"m","text":"E,14242,1"}`+"\n")
	drop(t, dir, "now.jsonl", line("a5")+bosLine)
	outside := filepath.Join(t.TempDir(), "outside.jsonl")
	if err := os.WriteFile(outside, []byte(line("a6")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, doneDir, "link.jsonl")); err != nil {
		t.Fatal(err)
	}
	before := everyByte(t, dir)
	who := whoIs(t, "ada@x.example", "4242")
	dry, err := d.Forget(t.Context(), who, true)
	if err != nil || dry.Rows != 14 {
		t.Errorf("dry: %+v %v", dry, err)
	}
	if everyByte(t, dir) != before || len(m.entries) != 0 {
		t.Error("a dry run changed something")
	}
	n, err := d.Forget(t.Context(), who, false)
	if err != nil || n.Rows != dry.Rows || len(n.Unreached) != 2 || !strings.Contains(n.Unreached[0], "1 dropped files have no rows") ||
		!strings.Contains(n.Unreached[1], "1 files, links and folders") {
		t.Errorf("%+v %v", n, err)
	}
	if len(m.entries) != 2 {
		t.Errorf("%d rows of the pending file are in the queue, want 2", len(m.entries))
	}
	if err := os.Remove(filepath.Join(dir, doneDir, "link.jsonl")); err != nil {
		t.Fatal(err)
	}
	after := everyByte(t, dir)
	for _, gone := range []string{"4242\"", "Ada@", ";ada@", ",ada@", "\"ada@", ",4242", "\nada@"} {
		if strings.Contains(after, gone) {
			t.Errorf("%q is still there:\n%s", gone, after)
		}
	}
	for _, stays := range []string{"14242,4", "boada@x.example", "\"row\":3", "neighbours-only", "E,7731"} {
		if !strings.Contains(after, stays) {
			t.Errorf("%q is gone", stays)
		}
	}
	if b, _ := os.ReadFile(outside); string(b) != line("a6") {
		t.Error("a file outside the directory was changed")
	}
	if fi, err := os.Stat(filepath.Join(dir, doneDir, "lines.jsonl")); err != nil || !fi.ModTime().Equal(old) {
		t.Errorf("the modification time changed: %v %v", fi.ModTime(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, doneDir, "only-hers.jsonl")); err == nil {
		t.Error("an empty file was left")
	}
	if n, err = d.Forget(t.Context(), who, false); n.Rows != 0 || err != nil {
		t.Errorf("second Forget: %+v %v", n, err)
	}
}

// A pending file that cannot be stored is reported, and Forget does not wait for the queue for
// ever. Run continues with the file.
func TestForgetWhileQueueIsFull(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	full := make(chan struct{})
	m := &memory{before: func(int) error {
		select {
		case <-full:
			return nil
		default:
			return &queue.FullError{RetryAfter: time.Millisecond}
		}
	}}
	d := newDirectory(t, DirectoryOptions{Keep: -1, Dir: dir, Queue: m, Quiet: time.Millisecond, Poll: 10 * time.Millisecond})
	drop(t, dir, "now.jsonl", strings.ReplaceAll(adasLine, "%s", "a")+bosLine)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	for claims, _ := filepath.Glob(filepath.Join(dir, workDir, "*")); len(claims) == 0; claims, _ = filepath.Glob(filepath.Join(dir, workDir, "*")) {
		time.Sleep(time.Millisecond)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	n, err := d.Forget(short, whoIs(t, "ada@x.example"), false)
	if err != nil || n.Rows != 0 || len(n.Unreached) != 1 || !strings.Contains(n.Unreached[0], "run this again") {
		t.Errorf("%+v %v", n, err)
	}
	close(full)
	for range 500 {
		m.mu.Lock()
		stored := len(m.entries)
		m.mu.Unlock()
		if stored == 2 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the file is not stored")
}

func TestForgetReport(t *testing.T) {
	t.Parallel()
	who := whoIs(t, "ada@x.example")
	dir := t.TempDir()
	path := filepath.Join(dir, "x.refused.jsonl")
	drop(t, dir, "x.refused.jsonl", `{"row":1,"code":"c","message":"m","text":"E,ada@x.example"}`+"\n"+`{"row":2,"code":"c","message":"m","text":"E,bo@x.example"}`+"\n")
	for _, dry := range []bool{true, false} {
		if n, err := forgetReport(t.Context(), path, who, dry); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if s := everyByte(t, dir); strings.Contains(s, "ada@") || !strings.Contains(s, "bo@") {
		t.Error(s)
	}
	drop(t, dir, "else.txt", "ada@x.example")
	if err := os.Symlink(path, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"else.txt", "link", "none"} {
		if n, err := forgetReport(t.Context(), filepath.Join(dir, no), who, false); n != 0 || err == nil {
			t.Errorf("%s: %d %v", no, n, err)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); !slices.Contains(names, filepath.Join(dir, "else.txt")) {
		t.Error("a file that is not a report was removed")
	}
}

// A row is matched as the event that the layout makes of it. Rows of one order are removed
// together, and numbers that count or price something identify nobody.
func TestForgetTable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	d := newDirectory(t, DirectoryOptions{Keep: -1, Dir: dir, Queue: &memory{}, Layout: rows.Layout{
		Event: "E", GroupBy: "Bon", Columns: []rows.Column{{Path: "context.traits.phone", From: "Kontakt"}, {Path: "timestamp", From: "Datum"}, {Path: "properties.quantity", From: "Menge"}, {Path: "properties.price", From: "Preis"}},
	}})
	drop(t, filepath.Join(dir, doneDir), "a.csv", "Bon,Datum,Kontakt,Menge,Preis\nb-1,2026-01-31,2125550147,1,4\nb-1,2026-01-31,,3,5\nb-2,2026-01-31,2125550148,7788,123456\n")
	m, _, err := mapper.Parse("", []byte("version: 1\ndefault_country: US\nevents: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := person.Parse([]string{"+1 212 555 0147", "7788", "123456"})
	if err != nil {
		t.Fatal(err)
	}
	who := person.NewMatcher(names, m) // only its column makes the number a phone number
	if n, err := d.Forget(t.Context(), who, false); err != nil || n.Rows != 2 {
		t.Errorf("%+v %v", n, err)
	}
	if s := everyByte(t, dir); strings.Contains(s, "b-1") || !strings.Contains(s, "b-2") {
		t.Error(s)
	}
}

// Everything below the directory that is not searched is listed, a huge file costs nothing, and
// cancelling ctx ends the work.
func TestForgetListsUnsearched(t *testing.T) {
	d := newDirectory(t, DirectoryOptions{Dir: t.TempDir(), Queue: &memory{}, Quiet: -1, Keep: -1})
	for name, make := range map[string]func(path string) error{
		"export.xlsx":                        func(p string) error { return os.WriteFile(p, []byte("PK"), 0o600) },
		"half.part":                          func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"reports":                            func(p string) error { return os.Mkdir(p, 0o700) },
		"link.csv":                           func(p string) error { return os.Symlink("/dev/zero", p) },
		"done/giant.csv":                     func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 300<<30)) },
		"done/0123456789abcdef.jsonl.sealed": func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"done/zeros.csv":                     func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 1<<20)) },
		"refused/jane/x.jsonl":               func(p string) error { return errors.Join(os.Mkdir(filepath.Dir(p), 0o700), os.Symlink("y", p)) },
	} {
		if err := make(filepath.Join(d.o.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	n, err := d.Forget(t.Context(), whoIs(t, "ada@example.com"), true)
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(` \([0-9]+ bytes, of [^)]+\)`).ReplaceAllString(strings.Join(n.Unreached, "\n"), "")
	for _, want := range []string{
		"3 dropped files have no rows", "done/0123456789abcdef.jsonl.sealed, done/aaaaa.aaa, done/aaaaa.aaa", // a name that may be a person's, by its shape
		"5 files, links and folders", "export.xlsx, aaaa.aaaa, aaaa.aaa, reports, refused/aaaa/x.jsonl",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not named: %s", want, said)
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Forget(ctx, whoIs(t, "ada@example.com"), true); !errors.Is(err, context.Canceled) {
		t.Errorf("Forget after cancel: %v", err)
	}
}

// From a batch or a list only the person's messages are removed.
func TestForgetKeepsOthers(t *testing.T) {
	who := whoIs(t, "ada@x.example", "4242")
	hers, other := `{"event":"E","userId":"4242"}`, `{"event":"E","userId":"77"}`
	dir := filepath.Join(t.TempDir(), "spool")
	d := newDirectory(t, DirectoryOptions{Keep: -1, Dir: dir, Queue: &memory{}})
	drop(t, filepath.Join(dir, doneDir), "a.jsonl", `{"batch":[`+other+`,`+hers+`]}`+"\n["+hers+","+other+"]\n"+hers+"\n")
	drop(t, filepath.Join(dir, doneDir), "b.json", "{\n\"batch\": [\n"+other+",\n"+hers+"\n]\n}\n")
	if n, err := d.Forget(t.Context(), who, false); err != nil || n.Rows != 4 {
		t.Errorf("%+v %v", n, err)
	}
	if s := everyByte(t, dir); strings.Contains(s, "4242") || strings.Count(s, `"77"`) != 3 {
		t.Error(s)
	}
}

// A file with a person in its name is renamed and keeps its other rows. A file that cannot be
// searched is removed only if its whole name is the person's.
func TestForgetNamesOfFiles(t *testing.T) {
	who := whoIs(t, "ada@x.example", "kim", "cus-83")
	for name, want := range map[string][2]bool{
		"ada@x.example.csv": {true, true}, "kim.csv": {true, true}, "KIM.csv.gz": {true, true}, "kim.xlsx": {true, true}, "kim": {true, true}, "cus-83.zip": {true, true},
		"orders_ada@x.example.csv": {true, false}, "export-kim.csv": {true, false}, "export-kim-2026.xlsx": {true, false}, "old_cus-83_b.json": {true, false},
		"kim.85.csv": {}, "ada@x.example.au.csv": {}, "kimberley.csv": {}, "export-cus-834.csv": {}, "83.csv": {}, "": {}, ".csv": {}, "-_-": {},
	} {
		if named, whole := namedAfter(name, who); named != want[0] || whole != want[1] {
			t.Errorf("%s: %t %t", name, named, whole)
		}
	}
	dir := filepath.Join(t.TempDir(), "spool")
	d := newDirectory(t, DirectoryOptions{Keep: -1, Dir: dir, Queue: &memory{}})
	row := `{"event":"E","userId":"77"}` + "\n"
	drop(t, filepath.Join(dir, doneDir), "export-kim.jsonl", row)
	drop(t, filepath.Join(dir, doneDir), "kim.85.jsonl", row)
	drop(t, filepath.Join(dir, doneDir), "orders_ada@x.example.xlsx", "PK\x03\x04\x00")
	drop(t, filepath.Join(dir, doneDir), "kim.xlsx", "PK\x03\x04\x00")
	for name, h := range map[string]gzip.Header{"named.jsonl.gz": {Name: "ada@x.example.jsonl"}, "noted.jsonl.gz": {Comment: "export of ada@x.example"}, "plain.jsonl.gz": {Name: "bo.jsonl"}} {
		var b bytes.Buffer
		for _, h := range []gzip.Header{{}, h} { // in any member of the gzip file
			z := gzip.NewWriter(&b)
			z.Name, z.Comment = h.Name, h.Comment
			if _, err := z.Write([]byte(`{"event":"E","userId":"78"}` + "\n")); err != nil || z.Close() != nil {
				t.Fatal(err)
			}
		}
		drop(t, filepath.Join(dir, doneDir), name, b.String())
	}
	n, err := d.Forget(t.Context(), who, false)
	for name, want := range map[string]bool{"named.jsonl.gz": false, "noted.jsonl.gz": false, "plain.jsonl.gz": true} {
		if b, err := os.ReadFile(filepath.Join(dir, doneDir, name)); err != nil || bytes.Contains(b, []byte("ada@")) || bytes.Contains(b, []byte("bo.jsonl")) != want {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if err != nil || n.Rows != 4 || len(n.Unreached) != 1 {
		t.Errorf("%+v %v", n, err)
	}
	s := everyByte(t, dir)
	if strings.Contains(s, "export-kim") || strings.Contains(s, "ada@") || strings.Contains(s, "kim.xlsx") || !strings.Contains(s, "kim.85.jsonl") || strings.Count(s, row) != 2 || strings.Count(s, "PK\x03\x04") != 1 || strings.Count(s, `"78"`) != 6 {
		t.Error(s)
	}
}

// Errors do not contain the name of the file, which could be personal.
func TestForgetErrorsNameNobody(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, open := openFile(root, "ada-lovelace.csv")
	for _, err := range []error{open, rename(root, "ada-lovelace.csv"), errors.Join(errors.New("x"), open), os.Rename(filepath.Join(dir, "ada-lovelace.csv"), dir)} {
		if got := withoutName(err); got == nil || strings.Contains(got.Error(), "lovelace") || !strings.Contains(err.Error(), "lovelace") {
			t.Errorf("%v: %v", err, got)
		}
	}
	if !errors.Is(withoutName(open), os.ErrNotExist) || withoutName(nil) != nil {
		t.Error("the wrapped error is lost")
	}
}
