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

// process checks the running relay. If none is running, it checks whether one could start.
func (e *exam) process() {
	switch r := e.Running; {
	case r.Foreign != "":
		e.report(Finding{
			Check: "process", Code: "foreign", Level: Fail, Text: "Another program answers at admin.socket: " + r.Foreign + ".",
			Fix: "Stop that program, or set another admin.socket.path.", Who: You,
		})
		return
	case r.NotAllowed != "":
		e.report(Finding{
			Check: "process", Code: "not_allowed", Level: Warn, Text: "This user is not allowed to connect to the running relay: " + r.NotAllowed + ".",
			Fix: "Run this command as relay's user (sudo -u relay relay doctor), or as a member of admin.socket.group.", Who: You,
		})
		return
	case r.Up && r.NotReady != "":
		f := Finding{
			Check: "process", Code: "not_ready", Level: Fail, Text: "relay is running, but cannot store events now: " + r.NotReady + ".",
			Fix: "See the disk or queue findings below, and run `relay status`.", Who: You,
		}
		if r.Full != "" {
			text, fix := fullQueue(r)
			f.Text, f.Fix = f.Text+text, fix
		}
		e.report(f)
		return
	case r.Up:
		e.report(Finding{Check: "process", Code: "running", Level: OK, Text: "relay is running and can store events."})
		return
	}
	free := true
	for key, addr := range map[string]string{"listen": e.Config.Listen, "admin.listen": e.Config.Admin.Listen, "health.listen": e.Config.Health.Listen} {
		if addr == "" {
			continue
		}
		if err := tryListen(addr); err != nil {
			free = false
			e.report(listenFinding(key, addr, err))
		}
	}
	if free {
		e.report(Finding{Check: "process", Code: "not_running", Level: Note, Text: "relay is not running; its addresses are free."})
	}
}

// tryListen binds an address briefly. For a unix socket it only checks that the directory
// exists and is writable.
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
		Text: fmt.Sprintf("%s: relay cannot listen on %s: %v.", key, addr, plainNet(err)),
		Fix:  "Choose another address for " + key + " in relay.yaml.",
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.Code = "port_busy"
		f.Text = fmt.Sprintf("%s: another program is already listening on %s.", key, addr)
		f.Fix = "Stop that program (`ss -ltnp` shows which one), or set another port for " + key + "."
	case errors.Is(err, os.ErrPermission):
		f.Fix = "Choose a port above 1023 for " + key + ", or a directory that this user can write to."
	}
	return f
}

// plainNet returns the cause in err without the operation and the address.
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
