package graph

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"relay/internal/certificate"
	"relay/internal/meta"
)

// Options configures a Client. The zero value is usable, except that every
// upload needs a token.
type Options struct {
	Endpoint       string        // scheme, host and optionally a path; no query, no credentials
	Version        string        // API version for conversions, in the form v26.0
	OfflineVersion string        // API version for the legacy format
	Token          func() string // called for every request, so that a new token needs no restart; nil or "": no token
	AppSecret      func() string // nil or "": no appsecret_proof
	PartnerAgent   string        // under 23 characters, at least two letters (docs/meta.md 2.1)
	Proxy          string        // "": from the environment; "none": direct; or an http, https or socks5 URL
	CAFile         string        // PEM file of authorities to trust in addition to the system's
	Timeout        time.Duration // longest time without progress: while uploading, and from the upload's last byte to the end of the answer
	UserAgent      string

	Now func() time.Time // wall clock, replaced by tests
}

// Client sends to the Graph API. It is safe for concurrent use.
type Client struct {
	o    Options
	base *url.URL
	http *http.Client
	tr   *http.Transport

	skew atomic.Int64 // latest Result.Skew, in nanoseconds
}

var versionForm = regexp.MustCompile(`^v\d{1,3}\.\d{1,2}$`)

// New checks the options and returns a client. It does not use the network.
// An error names the option and never contains a secret.
func New(o Options) (*Client, error) {
	setDefaults(&o)
	base, err := parseEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	for _, v := range [...]struct{ name, value string }{{"version", o.Version}, {"offline_version", o.OfflineVersion}} {
		if !versionForm.MatchString(v.value) {
			return nil, fmt.Errorf("graph %s %q is not of the form v26.0", v.name, v.value)
		}
	}
	if err := checkAgent(o.PartnerAgent); err != nil {
		return nil, err
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf("graph timeout %v is negative", o.Timeout)
	}
	tr, err := transport(o)
	if err != nil {
		return nil, err
	}
	return &Client{
		o:    o,
		base: base,
		tr:   tr,
		http: &http.Client{
			Transport: tr,
			// Meta does not redirect; a captive portal does. The body contains
			// the token and must not be sent to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func setDefaults(o *Options) {
	set := func(s *string, def string) {
		if *s == "" {
			*s = def
		}
	}
	set(&o.Endpoint, "https://graph.facebook.com")
	set(&o.Version, meta.Newest().Name)
	set(&o.OfflineVersion, "v16.0") // the last version that accepts the legacy format (docs/meta.md 1.5)
	set(&o.UserAgent, "relay")
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Token == nil {
		o.Token = func() string { return "" }
	}
	if o.AppSecret == nil {
		o.AppSecret = func() string { return "" }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil { // the error of url.Parse quotes its input, which can contain a password
		return nil, errors.New("graph endpoint is not a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("graph endpoint must begin with https:// (or http:// for a simulator)")
	case u.Host == "":
		return nil, errors.New("graph endpoint has no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("graph endpoint must not contain credentials, a query or a fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// checkAgent checks Meta's rule for partner_agent (docs/meta.md 2.1).
func checkAgent(s string) error {
	if s == "" {
		return nil
	}
	letters := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	if len([]rune(s)) >= 23 || letters < 2 {
		return errors.New("graph partner_agent must be under 23 characters with at least two letters")
	}
	return nil
}

// transport returns a transport with a limit for each phase of a request, so
// that a connection that drops packets is noticed early: dialling, TLS, and a
// silent HTTP/2 connection. Only Options.Timeout limits the wait for the answer.
// PingTimeout is generous because a ping queues behind the data already written,
// and a slow connection can take long to send that.
func transport(o Options) (*http.Transport, error) {
	proxy, err := proxyFunc(o.Proxy)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		if conf.RootCAs, err = certificate.Roots(o.CAFile); err != nil {
			return nil, err
		}
	}
	dial := &net.Dialer{Timeout: min(10*time.Second, o.Timeout), KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: proxy,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial.DialContext(ctx, network, addr)
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(writeBuffer) // on error, a slow upload merely appears faster than it is
			}
			return conn, err
		},
		OnProxyConnectResponse: refuseConnect,
		TLSClientConfig:        conf,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 30 * time.Second, WriteByteTimeout: 30 * time.Second},
	}, nil
}

func proxyFunc(s string) (func(*http.Request) (*url.URL, error), error) {
	switch s {
	case "":
		return http.ProxyFromEnvironment, nil
	case "none":
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, errors.New(`graph proxy is neither "none" nor a URL such as http://proxy.example.com:3128`)
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	}
	return nil, fmt.Errorf("graph proxy: unknown scheme %q (http, https, socks5)", u.Scheme)
}

// Close closes the idle connections. The client stays usable.
func (c *Client) Close() error {
	c.tr.CloseIdleConnections()
	return nil
}

// url returns the address of path elements below the endpoint.
func (c *Client) url(elem ...string) string {
	return c.base.JoinPath(elem...).String()
}
