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

// Reason is the reason why something in the directory is not taken.
type Reason string

// All reasons.
const (
	OtherKind  Reason = "kind"       // its kind of file has no events
	Empty      Reason = "empty"      // it is empty
	Unfinished Reason = "unfinished" // its name shows that it is still being written
	Open       Reason = "open"       // a program has it open for writing
	Changing   Reason = "restless"   // it keeps changing
	Unreadable Reason = "unreadable" // relay has no permission to read it
	Stuck      Reason = "stuck"      // it cannot be moved or stored
	NoFile     Reason = "no_file"    // a directory, a link or something else
)

// Reasons lists all reasons.
func Reasons() []Reason {
	return []Reason{OtherKind, Empty, Unfinished, Open, Changing, Unreadable, Stuck, NoFile}
}

// grace is how long something can be there before it is reported: writers need time.
func (r Reason) grace() time.Duration {
	switch r {
	case Unfinished:
		return time.Hour
	case Changing: // a large one over a slow connection
		return 10 * time.Minute
	case OtherKind, NoFile, Unreadable:
		return 10 * time.Second
	}
	return 2 * time.Minute
}

// DirectoryStatus describes the files in the directory.
type DirectoryStatus struct {
	Dir          string         `json:"dir"`
	Waiting      int            `json:"waiting"`   // files that are about to be taken or are being stored
	NotTaken     map[Reason]int `json:"not_taken"` // files that are not taken, by reason, after their grace time
	Kinds        []string       `json:"kinds,omitempty"`
	Refused      int            `json:"refused"`       // files and reports in refused
	RefusedFiles int            `json:"refused_files"` // of those, the files
	Done         int            `json:"done"`
	Since        time.Time      `json:"since,omitzero"` // when the oldest file that is not taken appeared
	Problem      string         `json:"problem,omitempty"`
	Says         []Say          `json:"says,omitempty"` // messages about files that are not taken or were refused
}

// Say is a message about the directory and what to do.
type Say struct {
	About About  `json:"about"`
	What  string `json:"what"`
	Todo  string `json:"todo"`
}

// About is the subject of a message.
type About string

// All subjects.
const (
	AboutDirectory About = "directory" // it cannot be used: no files are taken
	AboutNotTaken  About = "not_taken" // files that are not taken
	AboutRefused   About = "refused"   // files in refused
)

// say sets s.Says.
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

// blocked sets the status of a directory that cannot be used.
func (d *Directory) blocked(err error) {
	st := *d.status.Load()
	st.Problem = err.Error()
	st.say()
	d.status.Store(&st)
}

// Status returns the result of the last scan.
func (d *Directory) Status() DirectoryStatus { return *d.status.Load() }

func ownName(name string) bool { return name == workDir || name == doneDir || name == refusedDir }

// whyNotTaken returns why an entry is never taken; "" if it is.
func whyNotTaken(e fs.DirEntry, fi fs.FileInfo) Reason {
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

// unfinishedEnds are extensions that programs give to unfinished files.
var unfinishedEnds = []string{".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", ".lock", ".writing"}

func wanted(name string) bool {
	switch extOf(name) {
	case ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".txt":
		return true
	}
	return false
}

// kindOfName returns the extension of a file's name; "other" if it could be more than a kind of
// file.
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

// notTaken records that something is not taken, after its grace time. about is the path of a
// dropped file, or a claim.
func (d *Directory) notTaken(about string, why Reason, s sighting, now time.Time) {
	from := s.first
	switch why {
	case Changing:
		from = s.moves
	case Empty, Unfinished:
		from = s.since // since its last change
	}
	if now.Sub(from) < why.grace() {
		return
	}
	d.untaken[about] = untaken{why, s.first}
	if why == Stuck {
		return // the system's error has been logged
	}
	_, todo := advice.NotTaken(string(why), 1, nil)
	d.onceLoggerFor(about, string(why)).Warn("spool: file is not taken", "code", logs.SpoolNotTaken, "reason", string(why), "since", s.first, "advice", todo)
}

// untaken is why something is not taken, and since when it is there.
type untaken struct {
	why   Reason
	since time.Time
}

// count updates the status, which keeps files that are not taken visible without reading the
// log.
func (d *Directory) count() {
	st := DirectoryStatus{Dir: d.o.Dir, NotTaken: map[Reason]int{}}
	add := func(l untaken) {
		st.NotTaken[l.why]++
		if st.Since.IsZero() || l.since.Before(st.Since) {
			st.Since = l.since
		}
	}
	entries, _ := d.dir.list(".")
	for _, e := range entries {
		if _, ok := d.seen[e.Name()]; !ok || ownName(e.Name()) {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			continue
		}
		l, lies := d.untaken[e.Name()]
		if why := whyNotTaken(e, fi); !lies {
			if why == "" || why == Empty { // its grace time is not over
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
	claims, _ := d.dir.list(workDir)
	for _, c := range claims {
		if l, lies := d.untaken[path.Join(workDir, c.Name())]; lies {
			add(l)
		} else {
			st.Waiting++
		}
	}
	d.forgetGone(claims)
	done, _ := d.dir.list(doneDir)
	refused, _ := d.dir.list(refusedDir)
	st.Done, st.Refused = len(done), len(refused)
	for _, e := range refused {
		if !namesReport(e.Name()) {
			st.RefusedFiles++
		}
	}
	st.say()
	d.status.Store(&st)
}

// countAgain updates the status once a second during a scan, which can take thousands of files.
// If listing is slow, it takes at most a tenth of the time.
func (d *Directory) countAgain() {
	now := d.o.Now()
	if now.Before(d.recount) {
		return
	}
	d.count()
	end := d.o.Now()
	d.recount = end.Add(max(time.Second, 10*end.Sub(now)))
}

// forgetGone drops the records of files and claims that are gone: their names can be used again.
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
	maps.DeleteFunc(d.logged, func(about, _ string) bool { return !there(about) })
	maps.DeleteFunc(d.untaken, func(about string, _ untaken) bool { return !there(about) })
	maps.DeleteFunc(d.seen, func(about string, _ sighting) bool { return !there(about) })
}

// shown returns the name of a file as logs show it. at is its path, or "".
func (d *Directory) shown(name, at string) string {
	var fi fs.FileInfo
	if at != "" {
		if is, err := d.dir.root.Lstat(at); err == nil {
			fi = is
		}
	}
	return personal.ShowPath(name, func(string) bool { return false }, fi)
}
