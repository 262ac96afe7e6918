package spool

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"relay/internal/logs"
	"relay/mapper/personal"
	"relay/relay/internal/advice"
)

// Untaken says why something in the directory is not taken.
type Untaken string

// The reasons.
const (
	OtherKind  Untaken = "kind"       // a kind of file that holds no events
	Empty      Untaken = "empty"      // nothing is in it
	Unfinished Untaken = "unfinished" // its name says that it is still being written
	Open       Untaken = "open"       // a program has it open for writing
	Restless   Untaken = "restless"   // it is changed again and again
	Unreadable Untaken = "unreadable" // relay may not read it
	Stuck      Untaken = "stuck"      // it cannot be moved or stored
	NoFile     Untaken = "no_file"    // a directory, a link or something else
)

// Reasons lists all reasons.
func Reasons() []Untaken {
	return []Untaken{OtherKind, Empty, Unfinished, Open, Restless, Unreadable, Stuck, NoFile}
}

// patience is how long something may lie before it is said: writers need a moment.
func (u Untaken) patience() time.Duration {
	switch u {
	case Unfinished:
		return time.Hour
	case Restless: // a large one over a slow line
		return 10 * time.Minute
	case OtherKind, NoFile, Unreadable:
		return 10 * time.Second
	}
	return 2 * time.Minute
}

// DirectoryStatus is what lies in the directory.
type DirectoryStatus struct {
	Dir          string          `json:"dir"`
	Waiting      int             `json:"waiting"`   // files that are about to be taken, or are being stored
	NotTaken     map[Untaken]int `json:"not_taken"` // those that are not, by reason, once they have lain for a while
	Kinds        []string        `json:"kinds,omitempty"`
	Refused      int             `json:"refused"`       // files, and reports of rows, in refused
	RefusedFiles int             `json:"refused_files"` // of those, the files
	Done         int             `json:"done"`
	Since        time.Time       `json:"since,omitzero"` // the oldest that is not taken
	Problem      string          `json:"problem,omitempty"`
	Says         []Say           `json:"says,omitempty"` // of what is not taken or was refused, in words
}

// Say is what is the case with the directory, and what helps.
type Say struct {
	About About  `json:"about"`
	What  string `json:"what"`
	Todo  string `json:"todo"`
}

// About is what something is said of.
type About string

// What there is to say something of.
const (
	AboutDirectory About = "directory" // it cannot be used: nothing is taken
	AboutNotTaken  About = "not_taken" // files that are not taken
	AboutRefused   About = "refused"   // files in refused
)

// say puts into words what is not taken, and what was refused.
func (s *DirectoryStatus) say() {
	s.Says = nil
	if s.Problem != "" {
		what, todo := advice.SpoolBlocked(s.Problem)
		s.Says = append(s.Says, Say{AboutDirectory, what, todo})
	}
	for _, why := range Reasons() {
		if n := s.NotTaken[why]; n > 0 {
			what, todo := advice.NotTaken(string(why), n, s.Kinds)
			s.Says = append(s.Says, Say{AboutNotTaken, what, todo})
		}
	}
	if s.RefusedFiles > 0 {
		what, todo := advice.FilesRefused(s.RefusedFiles)
		s.Says = append(s.Says, Say{AboutRefused, what, todo})
	}
}

// blocked makes the status of a directory that cannot be used.
func (d *Directory) blocked(err error) {
	st := *d.status.Load()
	st.Problem = err.Error()
	st.say()
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

// lies says that something is not taken, once it has lain for a while. about is the path
// of a dropped file, or a claim.
func (d *Directory) lies(about string, why Untaken, s sighting, now time.Time) {
	from := s.first
	switch why {
	case Restless:
		from = s.moves
	case Empty, Unfinished:
		from = s.since // of its last change
	}
	if now.Sub(from) < why.patience() {
		return
	}
	d.untaken[about] = lying{why, s.first}
	if why == Stuck {
		return // the log has the system's words already
	}
	_, todo := advice.NotTaken(string(why), 1, nil)
	d.onceFor(about, string(why)).Warn("spool: file is not taken", "code", logs.SpoolNotTaken, "reason", string(why), "since", s.first, "advice", todo)
}

// lying is why something is not taken, and since when it lies there.
type lying struct {
	why   Untaken
	since time.Time
}

// count makes the status. Files that lie there without being taken are not
// forgotten when nobody reads the log.
func (d *Directory) count() {
	st := DirectoryStatus{Dir: d.o.Dir, NotTaken: map[Untaken]int{}}
	add := func(l lying) {
		st.NotTaken[l.why]++
		if st.Since.IsZero() || l.since.Before(st.Since) {
			st.Since = l.since
		}
	}
	entries, _ := d.house.list(".")
	for _, e := range entries {
		if _, ok := d.seen[e.Name()]; !ok || ownName(e.Name()) {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			continue
		}
		l, lies := d.untaken[e.Name()]
		if why := untaken(e, fi); !lies {
			if why == "" || why == Empty { // others have not lain for long enough
				st.Waiting++
			}
			continue
		}
		add(l)
		if kind := kindOfName(e.Name()); l.why == OtherKind && !slices.Contains(st.Kinds, kind) && len(st.Kinds) < 10 {
			st.Kinds = append(st.Kinds, kind)
		}
	}
	slices.Sort(st.Kinds)
	claims, _ := d.house.list(workDir)
	for _, c := range claims {
		if l, lies := d.untaken[path.Join(workDir, c.Name())]; lies {
			add(l)
		} else {
			st.Waiting++
		}
	}
	d.forgetGone(claims)
	done, _ := d.house.list(doneDir)
	refused, _ := d.house.list(refusedDir)
	st.Done, st.Refused = len(done), len(refused)
	for _, e := range refused {
		if !namesReport(e.Name()) {
			st.RefusedFiles++
		}
	}
	st.say()
	d.status.Store(&st)
}

// countAgain makes the status during a look, which may be at thousands of files, once a
// second; where listing them takes long, it takes a tenth of the time at most.
func (d *Directory) countAgain() {
	now := d.o.Now()
	if now.Before(d.recount) {
		return
	}
	d.count()
	end := d.o.Now()
	d.recount = end.Add(max(time.Second, 10*end.Sub(now)))
}

// forgetGone drops what is known of files and claims that are gone: they may come back.
func (d *Directory) forgetGone(claims []fs.DirEntry) {
	there := func(about string) bool {
		claim, ok := strings.CutPrefix(about, workDir+"/")
		if !ok {
			_, seen := d.seen[about]
			return seen || about == "." || ownName(about)
		}
		claim, _, _ = strings.Cut(claim, "/")
		return slices.ContainsFunc(claims, func(c fs.DirEntry) bool { return c.Name() == claim })
	}
	maps.DeleteFunc(d.said, func(about, _ string) bool { return !there(about) })
	maps.DeleteFunc(d.untaken, func(about string, _ lying) bool { return !there(about) })
	maps.DeleteFunc(d.seen, func(about string, _ sighting) bool { return !there(about) })
}

// shown is the name of a file that lies at a path, "" for nowhere, as logs have it.
func (d *Directory) shown(name, at string) string {
	var fi fs.FileInfo
	if at != "" {
		if is, err := d.house.root.Lstat(at); err == nil {
			fi = is
		}
	}
	return personal.ShowPath(name, func(string) bool { return false }, fi)
}
