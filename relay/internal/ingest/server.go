package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"relay/internal/certificate"
	"relay/internal/logs"
	"relay/internal/socket"
)

// ServerOptions configures a Server. Handler and Listen are required.
type ServerOptions struct {
	Handler *Handler
	Listen  []string // host:port or unix:/path
	// Cert and Key are PEM files. With them every TCP address accepts only TLS 1.2 or newer.
	// Unix sockets stay unencrypted.
	Cert, Key string

	SocketMode     fs.FileMode   // of unix sockets; default 0660
	MaxConnections int           // default 1,024
	HeaderTimeout  time.Duration // for a request's header; default 10 s
	Grace          time.Duration // for requests in flight when stopping; default 15 s
	Logger         *slog.Logger
}

// maxHeaderBytes bounds a request's header (net/http adds 4 KiB of slack). Larger ones are
// answered 431.
const maxHeaderBytes = 32 << 10

// Server serves a Handler on its listeners.
type Server struct {
	o         ServerOptions
	http      *http.Server
	listeners []net.Listener
	conns     *connections
	cert      *certificate.Certificate // nil: no TLS
	closing   sync.Once
}

// Listen opens every address. Requests are served once Run is called.
func Listen(o ServerOptions) (*Server, error) {
	if o.Handler == nil || len(o.Listen) == 0 {
		return nil, errors.New("set up intake server: no handler or no address")
	}
	def := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&o.HeaderTimeout, 10*time.Second)
	def(&o.Grace, 15*time.Second)
	if o.MaxConnections <= 0 {
		o.MaxConnections = 1024
	}
	if o.SocketMode == 0 {
		o.SocketMode = 0o660
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if files := socket.OpenFiles(); connectionLimit(files) < o.MaxConnections {
		o.Logger.Warn("the process can open fewer files than intake.max_connections needs", "code", logs.ConnectionsBounded,
			"max_connections", o.MaxConnections, "taken", connectionLimit(files), "open_files", files)
		o.MaxConnections = connectionLimit(files)
	}
	s := &Server{o: o, conns: newConnections(o.MaxConnections)}
	var secure *tls.Config
	if o.Cert != "" || o.Key != "" {
		c, err := certificate.Load(o.Cert, o.Key, "listen", o.Logger)
		if err != nil {
			return nil, fmt.Errorf("set up TLS: %w", err)
		}
		s.cert = c
		secure = c.Config()
	}
	for _, addr := range o.Listen {
		l, err := listen(addr, o.SocketMode)
		if err != nil {
			s.closeListeners()
			return nil, err
		}
		if secure != nil && l.Addr().Network() == "tcp" {
			l = tls.NewListener(l, secure) // net/http requires a *tls.Conn
		} else {
			l = protocolListener{l}
		}
		s.listeners = append(s.listeners, l)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	h := o.Handler
	s.http = &http.Server{
		DisableGeneralOptionsHandler: true, // OPTIONS * is answered like any other path
		Handler:                      h,
		Protocols:                    protocols,
		ReadHeaderTimeout:            o.HeaderTimeout,
		ReadTimeout:                  o.HeaderTimeout + h.o.ReadTimeout,
		WriteTimeout:                 o.HeaderTimeout + h.o.ReadTimeout + h.o.AppendTimeout + 10*time.Second,
		IdleTimeout:                  120 * time.Second, // between requests on a connection
		MaxHeaderBytes:               maxHeaderBytes,
		ConnState:                    s.conns.state,
		ConnContext:                  s.conns.admit,
		// net/http logs faults of single connections: failed handshakes, clients that do
		// not send HTTP.
		ErrorLog: slog.NewLogLogger(o.Logger.With("code", logs.HTTPServer).Handler(), slog.LevelDebug),
	}
	return s, nil
}

// CertificateExpiry returns when the current certificate expires; zero without TLS.
func (s *Server) CertificateExpiry() time.Time {
	if s.cert == nil {
		return time.Time{}
	}
	return s.cert.Expires()
}

// Addrs returns the addresses listened on, with the ports that the system chose.
func (s *Server) Addrs() []net.Addr {
	var a []net.Addr
	for _, l := range s.listeners {
		a = append(a, l.Addr())
	}
	return a
}

// Run serves until ctx is done, then stops: requests in progress are finished within the grace
// time while new ones are answered 503, then everything is closed. It returns nil after a stop,
// or the error of a listener that failed. It must be called at most once.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, len(s.listeners))
	var serving sync.WaitGroup
	for _, l := range s.listeners {
		serving.Go(func() {
			if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Grace)
	defer cancel()
	left := s.o.Handler.stop(grace)
	if left == nil {
		left = s.http.Shutdown(grace)
	}
	if left != nil {
		s.o.Logger.Warn("intake: grace time over, requests cut off", "code", logs.IntakeCutOff)
	}
	_ = s.Close()
	serving.Wait()
	return err
}

// Close closes every listener and connection at once. It can be called twice, and instead of
// Run.
func (s *Server) Close() error {
	err := s.http.Close()
	s.closeListeners()
	return err
}

func (s *Server) closeListeners() {
	s.closing.Do(func() {
		for _, l := range s.listeners {
			_ = l.Close()
		}
	})
}
