package access

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"relay/internal/certificate"
	"relay/internal/logs"
	"relay/internal/loopback"
	"relay/internal/socket"
)

// kind is how a request reaches the server.
type kind int

const (
	kindPage    kind = iota // admin.listen: the page, and programs with the token
	kindControl             // the control socket: the commands
	kindHealth              // health.listen: probes and scrapers
	kindOrder               // passed on by another relay of the same queue
)

// mostConns is the most connections of a listener. Together they stay far below the
// process's limit of open files; newListener lowers them if that limit is small.
var mostConns = map[kind]int{kindPage: 48, kindControl: 32, kindHealth: 16}

// listener is one address with its own server, connections and deadlines, so that load on
// one listener affects neither the others nor the intake.
type listener struct {
	kind     kind
	network  string                   // tcp or unix
	addr     string                   // as bound
	local    bool                     // only reachable from this machine
	cert     *certificate.Certificate // nil: no TLS
	listener net.Listener
	conns    *conns
	http     *http.Server
}

type listenerKey struct{}

func listenerOf(r *http.Request) *listener {
	d, _ := r.Context().Value(listenerKey{}).(*listener)
	return d
}

// The deadlines of a request. A request of a signed-in caller can take longer, as long as
// each write succeeds in time (recorder).
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 15 * time.Second // of the whole answer, for a caller who is not signed in
	moveTimeout   = 30 * time.Second // of each write, for a signed-in caller
	idleTimeout   = 2 * time.Minute
)

func newListener(k kind, l net.Listener, local bool, log *slog.Logger) *listener {
	d := &listener{kind: k, network: l.Addr().Network(), addr: l.Addr().String(), local: local, listener: l}
	d.conns = newConns(min(mostConns[k], max(4, socket.OpenFiles()/16)))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	d.http = &http.Server{
		DisableGeneralOptionsHandler: true, // OPTIONS * is answered like any other path
		Protocols:                    protocols,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  bodyTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               32 << 10,
		BaseContext:                  func(net.Listener) context.Context { return context.WithValue(context.Background(), listenerKey{}, d) },
		ConnContext:                  d.conns.admit,
		ConnState:                    d.conns.state,
		ErrorLog:                     slog.NewLogLogger(log.With("code", logs.HTTPServer).Handler(), slog.LevelDebug),
	}
	return d
}

// openPage binds admin.listen.
func openPage(o Options) (*listener, error) {
	network, address, local, err := splitListen("admin.listen", o.Listen)
	if err != nil {
		return nil, err
	}
	switch {
	case !local && o.Token == "":
		return nil, fmt.Errorf("listen on %s: %w", o.Listen, ErrTokenNeeded)
	case !local && o.Cert == "":
		return nil, fmt.Errorf("listen on %s: %w", o.Listen, ErrTLSNeeded)
	}
	var cert *certificate.Certificate
	if o.Cert != "" {
		if cert, err = certificate.Load(o.Cert, o.Key, "admin.listen", o.Logger); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
		}
	}
	l, err := listen(network, address)
	if err != nil {
		return nil, err
	}
	if cert != nil && network == "tcp" {
		l = tls.NewListener(l, cert.Config())
	}
	d := newListener(kindPage, l, local, o.Logger)
	if network == "tcp" {
		d.cert = cert
	}
	if network == "unix" && runtime.GOOS != "windows" { // Windows ignores the mode of a socket
		d.kind = kindControl // its mode admits only relay's user and root
	}
	return d, nil
}

// openHealth binds health.listen.
func openHealth(o Options) (*listener, error) {
	network, address, local, err := splitListen("health.listen", o.Health)
	if err != nil {
		return nil, err
	}
	l, err := listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHealth, err)
	}
	return newListener(kindHealth, l, local, o.Logger), nil
}

// splitListen parses a listen address. local reports whether only this machine can reach it.
func splitListen(key, s string) (network, address string, local bool, err error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return "", "", false, fmt.Errorf("%s: unix: needs a path", key)
		}
		return "unix", path, true, nil
	}
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		return "", "", false, fmt.Errorf("%s %q: expected host:port or unix:/path", key, s)
	}
	return "tcp", s, loopback.Address(host), nil
}

func listen(network, address string) (net.Listener, error) {
	if network == "unix" {
		l, err := socket.Listen(address, 0o600)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		return l, nil
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), network, address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// run serves until the listener is closed.
func (l *listener) run() error {
	err := l.http.Serve(l.listener)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("serve admin: %w", err)
}

// close closes the listener and waits for requests in progress until ctx ends.
func (l *listener) close(ctx context.Context) {
	if err := l.http.Shutdown(ctx); err != nil {
		_ = l.http.Close()
	}
	l.listener.Close() // if run was never called
}

// peerName returns the user at the other end of the socket, for the audit log.
func peerName(r *http.Request) string {
	if listenerOf(r).network == "pipe" {
		return fmt.Sprintf("uid %d, offline", os.Getuid())
	}
	p, _ := r.Context().Value(peerKey{}).(socket.Peer)
	switch {
	case p.Name != "":
		return p.Name
	case p.Known:
		return fmt.Sprintf("uid %d", p.UID)
	}
	return "socket"
}

type peerKey struct{}
