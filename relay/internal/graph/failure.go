package graph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// Failure is why a request got no answer. The error's type decides it, never its
// text, which differs between systems and releases of Go.
type Failure uint8

// The kinds of failures.
const (
	NoFailure           Failure = iota // there was an answer, or no request was made
	FailureStopped                     // the caller stopped waiting
	FailureTimeout                     // no answer within Options.Timeout
	FailureSlow                        // the upload was cancelled for lack of progress
	FailureDNS                         // the name could not be looked up
	FailureRefused                     // nothing accepts connections at the address
	FailureUnreachable                 // no route to the address
	FailureConnect                     // no connection in time, or no TLS handshake
	FailureReset                       // the connection was cut
	FailureClosed                      // the connection was closed without an answer
	FailureProxy                       // the proxy could not be used
	FailureProxyLogin                  // the proxy requires a user and password
	FailureProxyRefused                // the proxy does not connect to the server
	FailureNoTLS                       // the server does not use TLS
	FailureHandshake                   // the TLS handshake failed for another reason than the certificate
	FailureUntrusted                   // the certificate is signed by an unknown authority
	FailureWrongHost                   // the certificate is for another name
	FailureExpired                     // the certificate has expired by this machine's clock
	FailureNotYetValid                 // the certificate is not valid yet by this machine's clock
	FailureCertificate                 // the certificate is invalid for another reason
	FailureNotHTTP                     // the answer is not valid HTTP
	FailureOther
)

// failureNames are the names of failures in logs, JSON and metrics.
var failureNames = [...]string{
	NoFailure: "", FailureStopped: "stopped", FailureTimeout: "no_answer", FailureSlow: "too_slow", FailureDNS: "dns",
	FailureRefused: "refused", FailureUnreachable: "unreachable", FailureConnect: "no_connection", FailureReset: "reset", FailureClosed: "closed",
	FailureProxy: "proxy", FailureProxyLogin: "proxy_login", FailureProxyRefused: "proxy_refused",
	FailureNoTLS: "no_tls", FailureHandshake: "tls_handshake",
	FailureUntrusted: "certificate_untrusted", FailureWrongHost: "certificate_wrong_host", FailureExpired: "certificate_expired",
	FailureNotYetValid: "certificate_not_yet_valid", FailureCertificate: "certificate_invalid",
	FailureNotHTTP: "not_http", FailureOther: "other",
}

// Failures returns every failure except NoFailure.
func Failures() (all []Failure) {
	for f := NoFailure + 1; int(f) < len(failureNames); f++ {
		all = append(all, f)
	}
	return all
}

// String returns the failure in snake case; "" for NoFailure.
func (f Failure) String() string {
	if int(f) >= len(failureNames) {
		return failureNames[FailureOther]
	}
	return failureNames[f]
}

// System errors. syscall has other numbers for these names on Windows, where a
// socket fails with those of Winsock (10000 and above, which no other system uses).
var (
	errnoRefused     = []syscall.Errno{syscall.ECONNREFUSED, 10061}
	errnoUnreachable = []syscall.Errno{syscall.ENETUNREACH, syscall.EHOSTUNREACH, 10051, 10065}
	errnoReset       = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, 10053, 10054}
)

func isErrno(err error, list []syscall.Errno) bool {
	no, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(list, no)
}

// proxyError is a proxy's answer other than 200 to CONNECT.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("HTTP %d %s", e.status, http.StatusText(e.status))
}

// refuseConnect is http.Transport.OnProxyConnectResponse. Without it, net/http
// returns the text of the proxy's status as an error without a type.
func refuseConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{resp.StatusCode}
}

// failure returns why the exchange failed, and a description without the URL. Some
// errors of net/http quote what the other side sent. That can contain anything, so
// it is cleaned like an answer or left out.
func (c cleaner) failure(parent, ctx context.Context, x *exchange, err error) (Failure, string) {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch cause := context.Cause(ctx); {
	case parent.Err() != nil:
		return FailureStopped, "relay stopped waiting for the answer"
	case errors.Is(cause, errTimeout):
		return FailureTimeout, errTimeout.Error()
	case errors.Is(cause, errUpload):
		return FailureSlow, errUpload.Error()
	}
	f, text := c.proxyFailure(x, err)
	if f == NoFailure {
		f, text = c.serverFailure(x, err)
	}
	return f, shorten(c.removeSecrets(oneLine(text)))
}

// proxyFailure returns why a proxy could not be used; NoFailure if the error has
// another cause.
func (c cleaner) proxyFailure(x *exchange, err error) (Failure, string) {
	if e, ok := errors.AsType[*proxyError](err); ok {
		if e.status == http.StatusProxyAuthRequired {
			return FailureProxyLogin, "the proxy requires a user and password"
		}
		return FailureProxyRefused, "the proxy refused the connection: " + e.Error()
	}
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && op.Op == "proxyconnect" && isErrno(op.Err, errnoRefused):
		return FailureProxy, "connection refused by the proxy"
	case ok && op.Op == "proxyconnect":
		_, text := c.serverFailure(x, op.Err)
		return FailureProxy, "the proxy: " + text
	case ok && op.Op == "socks connect":
		return FailureProxy, "the proxy: " + c.text(op.Err.Error())
	}
	return NoFailure, ""
}

// serverFailure returns why there was no connection to a server, or no answer.
func (c cleaner) serverFailure(x *exchange, err error) (Failure, string) {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return FailureDNS, fmt.Sprintf("cannot find the address of %s: %s", e.Name, lookupFault(e))
	}
	if f, text := c.tlsFailure(err); f != NoFailure {
		return f, text
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case isErrno(err, errnoRefused):
		return FailureRefused, "connection refused"
	case isErrno(err, errnoUnreachable):
		return FailureUnreachable, "the network is unreachable"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return FailureClosed, "the connection was closed without an answer"
	case isErrno(err, errnoReset):
		return FailureReset, "the connection was cut"
	case isNet && timeout.Timeout():
		return FailureConnect, "no connection in time"
	case x.answered.Load():
		return FailureNotHTTP, "the answer is not valid HTTP"
	case x.handshakeFailed.Load():
		return FailureHandshake, "the TLS handshake failed: " + c.text(err.Error())
	}
	return FailureOther, c.text(err.Error())
}

func lookupFault(e *net.DNSError) string {
	switch {
	case e.IsTimeout:
		return "the name server does not answer"
	case e.IsNotFound:
		return "no such host"
	}
	return "the name server failed"
}

// tlsFailure returns what is wrong with the server's encryption; NoFailure if the
// error has another cause.
func (c cleaner) tlsFailure(err error) (Failure, string) {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired && e.Cert != nil {
		return validity(e.Cert, time.Now())
	}
	verify, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isType[x509.UnknownAuthorityError](err):
		return FailureUntrusted, "the certificate is signed by an authority this machine does not know"
	case isType[x509.HostnameError](err):
		return FailureWrongHost, "the certificate is for another host"
	case unverified:
		return FailureCertificate, "the certificate is not valid: " + c.text(verify.Err.Error())
	case noTLS, errors.Is(err, http.ErrSchemeMismatch):
		return FailureNoTLS, "the server does not use TLS"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // an alert, whose type crypto/tls does not export
		return FailureHandshake, "the server refused the TLS handshake: " + c.text(op.Err.Error())
	}
	return NoFailure, ""
}

// validity returns whether a certificate that is not valid now has expired or is not
// valid yet. Package x509 has one reason for both.
func validity(cert *x509.Certificate, now time.Time) (Failure, string) {
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	if now.Before(cert.NotBefore) {
		return FailureNotYetValid, fmt.Sprintf("the certificate is not valid before %s, and this machine's clock is at %s", stamp(cert.NotBefore), stamp(now))
	}
	return FailureExpired, fmt.Sprintf("the certificate expired at %s, and this machine's clock is at %s", stamp(cert.NotAfter), stamp(now))
}

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
