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

// kind is how somebody comes to the server.
type kind int

const (
	kindPage    kind = iota // admin.listen: the page, and programs with the token
	kindControl             // the control socket: the commands
	kindHealth              // health.listen: probes and scrapers
	kindOrder               // another relay of the same queue, which was asked
)

// How many connections a listener takes. Together they stay far below what a process
// may open, and below a sixth of it where that is little.
var mostConns = map[kind]int{kindPage: 48, kindControl: 32, kindHealth: 16}

// listener is one address with a server, connections and deadlines of its own: what
// happens at one cannot keep anybody from another, nor from the intake.
type listener struct {
	kind     kind
	network  string                   // tcp or unix
	addr     string                   // as bound
	local    bool                     // only this machine reaches it
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

// The deadlines of a request. One that shows or changes something on behalf of
// somebody signed in may take as long as it moves (recorder).
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 15 * time.Second // of the whole answer, to anybody
	moveTimeout   = 30 * time.Second // of each write, to whoever is signed in
	idleTimeout   = 2 * time.Minute
)

func newListener(k kind, l net.Listener, local bool, log *slog.Logger) *listener {
	d := &listener{kind: k, network: l.Addr().Network(), addr: l.Addr().String(), local: local, listener: l}
	d.conns = newConns(min(mostConns[k], max(4, socket.OpenFiles()/16)))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	d.http = &http.Server{
		DisableGeneralOptionsHandler: true, // OPTIONS * is answered as any other path is
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
	if network == "unix" && runtime.GOOS != "windows" { // where modes mean nothing it is one like another
		d.kind = kindControl // its mode lets in relay's own user and root, nobody else
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

// splitListen reads an address. local tells whether only this machine can reach
// it.
func splitListen(key, s string) (network, address string, local bool, err error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return "", "", false, fmt.Errorf("%s: unix: needs a path", key)
		}
		return "unix", path, true, nil
	}
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		return "", "", false, fmt.Errorf("%s %q: want host:port or unix:/path", key, s)
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

// close waits for requests under way until ctx ends.
func (l *listener) close(ctx context.Context) {
	if err := l.http.Shutdown(ctx); err != nil {
		_ = l.http.Close()
	}
	l.listener.Close() // when it was never served
}

// peerName says for the audit log who is at the other end of the socket.
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
