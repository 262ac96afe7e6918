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

// files checks who can read secrets. Config warns about the secret files it reads itself,
// and tokenText checks the token; this checks the rest.
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
			fix = "`relay service install` restricts the folder to its service. By hand: icacls \"" + c.Dir() + "\" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F \"NT SERVICE\\relay:(OI)(CI)M\""
		}
		e.report(Finding{
			Check: "files", Code: "queue_readable", Level: Warn,
			Text: fmt.Sprintf("Other users of this machine can read the queue (%s), which contains customers' data.", c.Dir()),
			Fix:  fix, Who: You,
		})
	}
	if runtime.GOOS != "windows" && e.uid() == 0 {
		e.report(Finding{
			Check: "files", Code: "root", Level: Note,
			Text: "This command runs as root, who can read and write everything. Run it as relay's user to check file permissions.",
		})
	}
}

// secret checks the secret that the fingerprints in receipts are made with.
func (e *exam) secret() {
	const putBack = "Stop relay, copy the file `secret` from a backup into queue.path, and start relay. If there is no backup, delete the receipts."
	f := Finding{Check: "files", Level: Warn, Fix: putBack, Who: You}
	switch r := e.Receipts; {
	case errors.Is(r.Secret, fs.ErrNotExist):
		f.Code, f.Text = "secret_missing", "The installation's secret is missing, so `relay forget` cannot find a person in the existing receipts."
	case errors.Is(r.Secret, fs.ErrPermission):
		f.Code, f.Level, f.Text, f.Fix = "secret_unusable", Fail, "relay cannot start: "+r.Secret.Error()+".", accessFix(e.Config.Dir())
	case r.Secret != nil:
		f.Code, f.Level, f.Text = "secret_unusable", Fail, "relay cannot start: "+r.Secret.Error()+"."
	case r.Unsearched > 0:
		f.Code = "secret_replaced"
		f.Text = fmt.Sprintf("%d receipts were made with a different secret, so `relay forget` cannot find a person in them.", r.Unsearched)
	default:
		return
	}
	e.report(f)
}

// readable reports whether this user can read a file.
func (e *exam) readable(key, path string) bool {
	f, err := disk.Open(path)
	if err == nil {
		_ = f.Close()
		return true
	}
	e.report(Finding{
		Check: "files", Code: "unreadable", Level: Fail, Text: fmt.Sprintf("%s: %s cannot be read: %v.", key, path, plainNet(err)),
		Fix: "Create the file, or make it readable for relay's user.", Who: You,
	})
	return false
}

// private warns if every user can read a file.
func (e *exam) private(key, path string) {
	if disk.OthersRead(path) {
		e.report(Finding{
			Check: "files", Code: "secret_readable", Level: Warn, Text: fmt.Sprintf("%s: every user of this machine can read %s.", key, path),
			Fix: "chmod 640 " + path, Who: You,
		})
	}
}

func dirOf(path string) string { return filepath.Dir(path) }

// tempIn makes a temporary file in dir. In the queue directory, the next start of relay
// removes it if this process does not.
func tempIn(dir string) (*os.File, error) {
	return os.OpenFile(disk.TempName(filepath.Join(dir, "doctor")), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// tryWrite creates and removes a file in dir.
func tryWrite(dir string) error {
	f, err := tempIn(dir)
	if err != nil {
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}
