package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"relay/config"
)

// process looks at the running relay, or at whether one could run.
func (e *exam) process() {
	switch r := e.Running; {
	case r.Foreign != "":
		e.say(Finding{
			Check: "process", Code: "foreign", Level: Fail, Text: "Something that is not this relay answers at admin.socket: " + r.Foreign + ".",
			Fix: "End the other program, or give admin.socket.path another place.", Who: You,
		})
		return
	case r.NotAllowed != "":
		e.say(Finding{
			Check: "process", Code: "not_allowed", Level: Warn, Text: "The running relay cannot be asked: " + r.NotAllowed + ".",
			Fix: "Run this as relay's own user, as root (sudo), or as a member of the group of admin.socket.", Who: You,
		})
		return
	case r.Up && r.NotReady != "":
		f := Finding{
			Check: "process", Code: "not_ready", Level: Fail, Text: "relay runs, but cannot store events now: " + r.NotReady + ".",
			Fix: "See the disk findings below, and `relay status`.", Who: You,
		}
		if r.Full != "" {
			text, fix := filled(r)
			f.Text, f.Fix = f.Text+text, fix
		}
		e.say(f)
		return
	case r.Up:
		e.say(Finding{Check: "process", Code: "running", Level: OK, Text: "relay runs and can store events."})
		return
	}
	free := true
	for key, addr := range map[string]string{"listen": e.Config.Listen, "admin.listen": e.Config.Admin.Listen, "health.listen": e.Config.Health.Listen} {
		if addr == "" {
			continue
		}
		if err := tryListen(addr); err != nil {
			free = false
			e.say(listenFinding(key, addr, err))
		}
	}
	if free {
		e.say(Finding{Check: "process", Code: "not_running", Level: Note, Text: "relay does not run now; its addresses are free."})
	}
}

// tryListen binds an address for a moment. A unix socket's folder must exist
// and take files; the socket itself is not touched.
func tryListen(addr string) error {
	a, err := config.ParseAddress(addr)
	if err != nil {
		return err
	}
	if a.Network == "unix" {
		return tryWrite(dirOf(a.Path))
	}
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", a.String())
	if err != nil {
		return err
	}
	return ln.Close()
}

func listenFinding(key, addr string, err error) Finding {
	f := Finding{
		Check: "process", Code: "cannot_listen", Level: Fail, Who: You,
		Text: fmt.Sprintf("%s: %s cannot be listened on: %v.", key, addr, plainNet(err)),
		Fix:  "Choose another address for " + key + " in relay.yaml.",
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.Code = "port_busy"
		f.Text = fmt.Sprintf("%s: another program listens on %s already.", key, addr)
		f.Fix = "End it (`ss -ltnp` shows which it is), or give " + key + " another port."
	case errors.Is(err, os.ErrPermission):
		f.Fix = "Choose a port above 1023 for " + key + ", or a folder this user may write to."
	}
	return f
}

// plainNet is an error without the operation and address in front.
func plainNet(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if sys, ok := errors.AsType[*os.SyscallError](err); ok {
		err = sys.Err
	}
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	return err
}
