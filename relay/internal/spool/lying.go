package spool

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"relay/internal/logs"
)

// Untaken says why something in the directory is not taken.
type Untaken string

// The reasons.
const (
	OtherKind  Untaken = "kind"       // a kind of file that holds no events
	Empty      Untaken = "empty"      // nothing is in it
	Unfinished Untaken = "unfinished" // its name says that it is still being written
	Open       Untaken = "open"       // a program has it open for writing
	NoFile     Untaken = "no_file"    // a directory, a link or something else
)

// Reasons lists all reasons.
func Reasons() []Untaken { return []Untaken{OtherKind, Empty, Unfinished, Open, NoFile} }

// Words says of how many files that is so; kinds are those of OtherKind.
func (u Untaken) Words(n int, kinds []string) string {
	files, are := fmt.Sprintf("%d files", n), "are"
	if n == 1 {
		files, are = "1 file", "is"
	}
	switch u {
	case OtherKind:
		return files + " of another kind (" + strings.Join(kinds, ", ") + ")"
	case Empty:
		return files + " that " + are + " empty"
	case Unfinished:
		return files + " whose name says that it is not finished"
	case Open:
		return files + " that a program has open for writing"
	}
	return map[bool]string{true: "1 entry", false: fmt.Sprintf("%d entries", n)}[n == 1] + " that " + are + " no plain file"
}

// Advice is what helps.
func (u Untaken) Advice() string {
	switch u {
	case OtherKind:
		return "relay takes .csv, .tsv, .jsonl, .ndjson, .json and .txt, each also with .gz: save a workbook as CSV (in Excel: Save as, CSV UTF-8)"
	case Empty:
		return "drop the file when it holds the sales, or remove it"
	case Unfinished:
		return "rename the file when it is complete"
	case Open:
		return "the program that writes it must close it; better, it writes under another name and renames the file when it is complete"
	}
	return "drop the files themselves"
}

// patience is how long something may lie before it is said: writers need a moment.
func (u Untaken) patience() time.Duration {
	switch u {
	case Unfinished:
		return time.Hour
	case OtherKind, NoFile:
		return 10 * time.Second
	}
	return 2 * time.Minute
}

// DirectoryStatus is what lies in the directory.
type DirectoryStatus struct {
	Dir      string          `json:"dir"`
	Waiting  int             `json:"waiting"`   // files that are about to be taken, or are being stored
	NotTaken map[Untaken]int `json:"not_taken"` // those that are not, by reason, once they have lain for a while
	Kinds    []string        `json:"kinds,omitempty"`
	Refused  int             `json:"refused"` // files, and reports of rows, in refused
	Done     int             `json:"done"`
	Since    time.Time       `json:"since,omitzero"` // the oldest that is not taken
	Problem  string          `json:"problem,omitempty"`
}

// blocked makes the status of a directory that cannot be used.
func (d *Directory) blocked(err error) {
	st := *d.status.Load()
	st.Problem = err.Error()
	d.status.Store(&st)
}

// Status is what the last look found.
func (d *Directory) Status() DirectoryStatus { return *d.status.Load() }

func ownName(name string) bool { return name == workDir || name == doneDir || name == refusedDir }

// untaken says why an entry is not for us; "" when it is.
func untaken(e fs.DirEntry, fi fs.FileInfo) Untaken {
	name := strings.ToLower(e.Name())
	switch {
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "~"), slices.Contains(unfinishedEnds, path.Ext(name)):
		return Unfinished
	case !e.Type().IsRegular():
		return NoFile
	case !wanted(name):
		return OtherKind
	case fi.Size() == 0:
		return Empty
	}
	return ""
}

// unfinishedEnds are those that programs give to files they have not finished.
var unfinishedEnds = []string{".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", ".lock", ".writing"}

func wanted(name string) bool {
	switch extOf(name) {
	case ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".txt":
		return true
	}
	return false
}

// kindOfName is the end of a file's name, which says what kind it is; "other" where
// that might say more.
func kindOfName(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if ext == ".gz" {
		ext = extOf(name) + ext
	}
	if len(ext) < 2 || len(ext) > 12 || strings.Trim(ext[1:], "abcdefghijklmnopqrstuvwxyz.0123456789") != "" || strings.Trim(ext, "0123456789.") == "" {
		return "other"
	}
	return ext
}

// lies says that something is not taken, once it has lain for a while.
func (d *Directory) lies(name string, why Untaken, s sighting, now time.Time) {
	from := s.since
	if why == Open {
		from = s.first
	}
	if now.Sub(from) < why.patience() {
		return
	}
	d.onceFor(name, string(why)).Warn("spool: file is not taken", "code", logs.SpoolNotTaken, "reason", string(why), "since", s.first, "advice", why.Advice())
}

// count makes the status. Files that lie there without being taken are not
// forgotten when nobody reads the log.
func (d *Directory) count() {
	st := DirectoryStatus{Dir: d.o.Dir, NotTaken: map[Untaken]int{}}
	entries, _ := d.house.list(".")
	for _, e := range entries {
		if ownName(e.Name()) {
			continue
		}
		s, ok := d.seen[e.Name()]
		fi, err := e.Info()
		if !ok || err != nil {
			continue
		}
		why := untaken(e, fi)
		if said := d.said[e.Name()]; why == "" && said == string(Open) {
			why = Open
		}
		switch {
		case why == "", why == Empty && d.said[e.Name()] == "":
			st.Waiting++
			continue
		case d.said[e.Name()] != string(why):
			continue // not for long enough
		}
		st.NotTaken[why]++
		if kind := kindOfName(e.Name()); why == OtherKind && !slices.Contains(st.Kinds, kind) && len(st.Kinds) < 10 {
			st.Kinds = append(st.Kinds, kind)
		}
		if st.Since.IsZero() || s.first.Before(st.Since) {
			st.Since = s.first
		}
	}
	slices.Sort(st.Kinds)
	count := func(dir string) int { es, _ := d.house.list(dir); return len(es) }
	st.Waiting += count(workDir)
	st.Refused, st.Done = count(refusedDir), count(doneDir)
	for name := range d.said { // what is gone may come back
		if _, ok := d.seen[name]; !ok && name != "." && !strings.HasPrefix(name, workDir) {
			delete(d.said, name)
		}
	}
	d.status.Store(&st)
}
