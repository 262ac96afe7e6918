package spool

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// While one scan takes many files, the status shows how many are left.
func TestStatusDuringScan(t *testing.T) {
	t.Parallel()
	const n = 12
	s := newStage(t, DirectoryOptions{Keep: -1})
	for i := range n {
		drop(t, s.dir, string(rune('a'+i))+".jsonl", sales(i, 1))
	}
	s.scan(t.Context())
	s.now = s.now.Add(2 * time.Second)
	var left []int
	s.m.before = func(int) error {
		left = append(left, s.Status().Waiting)
		s.now = s.now.Add(500 * time.Millisecond)
		return nil
	}
	s.scan(t.Context())
	if s.m.count() != n || left[0] != n {
		t.Fatalf("%d stored, status %v", s.m.count(), left)
	}
	for i, waiting := range left {
		if real := n - i; waiting < real || waiting > real+2 { // at most a second old
			t.Errorf("%d files left, the status shows %d: %v", real, waiting, left)
		}
	}
	if st := s.Status(); st.Waiting != 0 || st.Done != n {
		t.Errorf("%+v", st)
	}
}

// says checks that status, log and texts have the reason.
func (s *stage) says(t *testing.T, why Reason, words string) {
	t.Helper()
	st := s.Status()
	if len(st.NotTaken) != 1 || st.NotTaken[why] != 1 || st.Waiting != 0 || st.Since.IsZero() {
		t.Errorf("%s: %+v", why, st)
	}
	if len(st.Says) != 1 || !strings.Contains(st.Says[0].What, words) || st.Says[0].Todo == "" {
		t.Errorf("%s: %+v", why, st.Says)
	}
}

// taken checks that a file that was not taken is taken now.
func (s *stage) taken(t *testing.T, stored int) {
	t.Helper()
	st := s.Status()
	if s.m.count() != stored || st.Waiting+len(st.NotTaken)+len(st.Says) != 0 || st.Done != 1 {
		t.Errorf("%d stored, %+v", s.m.count(), st)
	}
}

// A file that relay has no permission to read stays in place and is reported.
func TestUnreadable(t *testing.T) {
	ownRightsOnly(t)
	s := newStage(t, DirectoryOptions{Keep: -1})
	drop(t, s.dir, "pat-doe.jsonl", sales(0, 2))
	if err := os.Chmod(s.path("pat-doe.jsonl"), 0); err != nil {
		t.Fatal(err)
	}
	s.pass(5 * time.Second)
	if st := s.Status(); st.Waiting != 1 || len(st.NotTaken) != 0 {
		t.Errorf("at first: %+v", st)
	}
	s.pass(time.Minute)
	s.says(t, Unreadable, "1 file that relay's user is not allowed to read")
	if log := s.log.String(); strings.Count(log, "reason=unreadable") != 1 || strings.Contains(log, "pat-doe") {
		t.Error(log)
	}
	if got := tree(t, s.dir); got != "pat-doe.jsonl" {
		t.Error(got)
	}
	if err := os.Chmod(s.path("pat-doe.jsonl"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.pass(5 * time.Second)
	s.taken(t, 2)
}

// A file that cannot be moved stays in place and is reported.
func TestStuckInPlace(t *testing.T) {
	ownRightsOnly(t)
	s := newStage(t, DirectoryOptions{Keep: -1})
	drop(t, s.dir, "pat-doe.jsonl", sales(0, 2))
	if err := os.Chmod(s.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(s.dir, 0o700) }) //nolint:gosec // a directory
	s.pass(time.Minute)
	if st := s.Status(); st.Waiting != 1 || len(st.NotTaken) != 0 {
		t.Errorf("at first: %+v", st)
	}
	s.pass(2 * time.Minute)
	s.says(t, Stuck, "1 file that cannot be moved or stored now")
	if log := s.log.String(); strings.Count(log, "spool_file_not_taken") != 1 || !strings.Contains(log, "permission denied") || strings.Contains(log, "pat-doe") {
		t.Error(log)
	}
	if err := os.Chmod(s.dir, 0o700); err != nil { //nolint:gosec // a directory
		t.Fatal(err)
	}
	s.pass(5 * time.Second)
	s.taken(t, 2)
}

// So is a claimed file that cannot be stored.
func TestStuckInHand(t *testing.T) {
	for name, way := range map[string]struct {
		code         string
		block, clear func(s *stage) error
	}{
		"the queue refuses": {
			"spool_file_not_stored",
			func(s *stage) error {
				s.m.before = func(int) error { return errors.New("the queue is broken") }
				return nil
			},
			func(s *stage) error { s.m.before = nil; return nil },
		},
		"the file cannot be read any more": {
			"spool_file_not_stored",
			func(s *stage) error {
				s.m.before = func(int) error { s.m.before = nil; return errors.Join(os.Chmod(s.inWork(), 0), errors.New("later")) }
				return nil
			},
			func(s *stage) error { return os.Chmod(s.inWork(), 0o600) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			ownRightsOnly(t)
			s := newStage(t, DirectoryOptions{Keep: -1})
			drop(t, s.dir, "pat-doe.jsonl", sales(0, 2))
			if err := way.block(s); err != nil {
				t.Fatal(err)
			}
			s.pass(time.Minute)
			if st := s.Status(); st.Waiting != 1 || len(st.NotTaken) != 0 {
				t.Errorf("at first: %+v", st)
			}
			s.pass(2 * time.Minute)
			s.says(t, Stuck, "1 file that cannot be moved or stored now")
			if log := s.log.String(); !strings.Contains(log, way.code) || strings.Contains(log, "pat-doe") || s.m.count() != 0 {
				t.Error(s.m.count(), log)
			}
			if err := way.clear(s); err != nil {
				t.Fatal(err)
			}
			s.pass(10 * time.Second)
			s.taken(t, 2)
		})
	}
}

// A refused file is reported until it is removed; a report of some rows, or of a file that is gone,
// is not.
func TestRefusedIsReported(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	drop(t, s.dir, "good.jsonl", sales(0, 2)+"{}\n")
	for _, name := range []string{"bad.jsonl", "bad.csv"} {
		drop(t, s.dir, name, "no\nno\n")
	}
	for i := range 2 { // two with the same name
		if i > 0 {
			drop(t, s.dir, "bad.csv", "no\nno\n")
		}
		s.pass(10 * time.Second)
	}
	st := s.Status()
	if st.Refused != 7 || st.RefusedFiles != 3 || st.Done != 1 || len(st.Says) != 1 || st.Says[0].About != AboutRefused || st.Says[0].What != "3 files that were refused" {
		t.Fatalf("%+v\n%s", st, tree(t, s.dir))
	}
	entries, err := s.Directory.dir.list(refusedDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !namesReport(e.Name()) {
			if err := os.Remove(s.path(refusedDir + "/" + e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.pass(time.Second)
	if st := s.Status(); st.Refused != 4 || st.RefusedFiles != 0 || len(st.Says) != 0 {
		t.Errorf("%+v", st)
	}
}

// inWork returns the path of the only claimed file.
func (s *stage) inWork() string {
	claims, _ := s.Directory.dir.list(workDir)
	for _, c := range claims {
		if file, err := s.Directory.dir.claimed(workDir + "/" + c.Name()); err == nil && file != "" {
			return s.path(file)
		}
	}
	return ""
}

// ownRightsOnly makes file permissions apply to this goroutine; as root it could read every file.
func ownRightsOnly(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("rights are in the ACL there")
	}
	if os.Geteuid() == 0 {
		dropRights(t)
	}
}
