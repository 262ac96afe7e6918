package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"relay/internal/disk"
)

// files looks at who may read what is secret. What config itself reads as a
// secret it warns about, and tokenText speaks of the token; the rest is here.
func (e *exam) files() {
	c := e.Config
	if f := c.Graph.AppSecretFile; f != "" {
		e.readable("graph.app_secret_file", f)
	}
	for _, f := range []struct{ key, path string }{{"queue.encryption_key", c.Queue.EncryptionKey}, {"tls.key", c.TLS.Key}} {
		if f.path != "" && e.readable(f.key, f.path) {
			e.private(f.key, f.path)
		}
	}
	e.secret()
	if disk.AnyUserReads(c.Dir()) {
		fix := "chmod 700 " + c.Dir()
		if runtime.GOOS == "windows" {
			fix = "relay service install gives the folder to its service alone; by hand: icacls \"" + c.Dir() + "\" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F \"NT SERVICE\\relay:(OI)(CI)M\""
		}
		e.say(Finding{
			Check: "files", Code: "queue_readable", Level: Warn,
			Text: fmt.Sprintf("Other users of this machine may look into the queue (%s), where customers' data lies.", c.Dir()),
			Fix:  fix, Who: You,
		})
	}
	if runtime.GOOS != "windows" && e.uid() == 0 {
		e.say(Finding{
			Check: "files", Code: "root", Level: Note,
			Text: "This runs as root, which may read and write everything: run `relay doctor` as the user that relay runs as to see file rights as relay will.",
		})
	}
}

// secret looks at what persons are recognised with in the receipts.
func (e *exam) secret() {
	const putBack = "Stop relay, put the file `secret` of a backup into queue.path, and start it; if there is no backup, remove the receipts."
	f := Finding{Check: "files", Level: Warn, Fix: putBack, Who: You}
	switch r := e.Receipts; {
	case errors.Is(r.Secret, fs.ErrNotExist):
		f.Code, f.Text = "secret_missing", "The secret of the installation is gone: `relay forget` would not find a person in the receipts there are."
	case r.Secret != nil:
		f.Code, f.Level, f.Text = "secret_unusable", Fail, "relay does not start: "+r.Secret.Error()+"."
	case r.Unsearched > 0:
		f.Code = "secret_replaced"
		f.Text = fmt.Sprintf("%d receipts were fingerprinted with another secret than that of this installation: `relay forget` does not find a person in them.", r.Unsearched)
	default:
		return
	}
	e.say(f)
}

// readable says whether this user can read a file.
func (e *exam) readable(key, path string) bool {
	f, err := disk.Open(path)
	if err == nil {
		_ = f.Close()
		return true
	}
	e.say(Finding{
		Check: "files", Code: "unreadable", Level: Fail, Text: fmt.Sprintf("%s: %s cannot be read: %v.", key, path, plainNet(err)),
		Fix: "Create it, or give the user that relay runs as the right to read it.", Who: You,
	})
	return false
}

// private warns when everybody may read a file.
func (e *exam) private(key, path string) {
	if disk.OthersRead(path) {
		e.say(Finding{
			Check: "files", Code: "secret_readable", Level: Warn, Text: fmt.Sprintf("%s: every user of this machine can read %s.", key, path),
			Fix: "chmod 640 " + path, Who: You,
		})
	}
}

func dirOf(path string) string { return filepath.Dir(path) }

// tempIn makes a file in dir; in the queue's, a start removes it should this process end
// before it does.
func tempIn(dir string) (*os.File, error) {
	return os.OpenFile(disk.TempName(filepath.Join(dir, "doctor")), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// tryWrite makes and removes a file in dir.
func tryWrite(dir string) error {
	f, err := tempIn(dir)
	if err != nil {
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}
