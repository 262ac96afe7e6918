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
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// maxMessage is the longest Result.Message, in bytes.
const maxMessage = 600

// cleaner makes text from outside safe to log and to show.
type cleaner struct {
	secrets []string // never shown
	keep    string   // an id of relay's own, which can be shown
}

// form returns a pattern that is compiled on first use: compiled at start, the
// patterns would cost more time and memory than the rest of this package.
func form(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var (
	mailForm   = form(`[^\s"'<>()\[\],;:=]+(?:@|%40)[^\s"'<>()\[\],;:=]+`)
	hexForm    = form(`(?i)\b[0-9a-f]{24,}\b|\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b`)
	secretForm = form(`(?i)\b(access_token|appsecret_proof|input_token|client_secret)(["']?\s*[=:]\s*["']?)[^\s"'&,;]+`)
	tokenForm  = form(`\b(?:EAA|IGQ)[0-9A-Za-z_-]{12,}|\b\d{6,}\|[0-9A-Za-z_-]{8,}`)
	numberForm = form(`[+(]?\d(?:[\s().\-/·\x{00a0}\x{202f}]{0,2}\d){6,}`)
	quotedForm = form(`(^|[^\pL\pN])("[^"]{1,400}"|'[^']{1,400}'|‘[^’]{1,400}’|“[^”]{1,400}”|„[^“”]{1,400}[“”]|«[^»]{1,400}»)`)
	longForm   = form(`[^\s]{81,}`)
)

// text cleans a server's text: it removes secrets, e-mail addresses, hashes,
// numbers of seven digits or more (phones, ids, times; the codes are in the
// Result), and quoted values that are not in the vocabulary. The result is one
// line of at most maxMessage bytes.
func (c cleaner) text(s string) string {
	if len(s) > 8*maxMessage {
		s = s[:8*maxMessage]
	}
	s = oneLine(s)
	s = c.removeSecrets(s)
	s = mailForm().ReplaceAllString(s, "[e-mail]")
	s = hexForm().ReplaceAllString(s, "[hash]")
	s = numberForm().ReplaceAllStringFunc(s, func(m string) string {
		if c.keep != "" && m == c.keep {
			return m
		}
		return "[number]"
	})
	s = quotedForm().ReplaceAllStringFunc(s, func(m string) string {
		g := quotedForm().FindStringSubmatch(m)
		_, first := utf8.DecodeRuneInString(g[2])
		_, last := utf8.DecodeLastRuneInString(g[2])
		inner := g[2][first : len(g[2])-last]
		if vocabulary[strings.ToLower(inner)] || inner == c.keep || strings.HasPrefix(inner, "[") {
			return m
		}
		return g[1] + "[value]"
	})
	s = longForm().ReplaceAllString(s, "[value]")
	return shorten(s)
}

func (c cleaner) removeSecrets(s string) string {
	for _, k := range c.secrets {
		if len(k) >= 4 {
			s = strings.ReplaceAll(s, k, "[secret]")
			s = strings.ReplaceAll(s, url.QueryEscape(k), "[secret]")
		}
	}
	s = secretForm().ReplaceAllString(s, "$1$2[secret]")
	return tokenForm().ReplaceAllString(s, "[secret]")
}

// oneLine replaces white space by single spaces and removes control and invisible
// characters, which could corrupt a log or a terminal.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	s = s[:maxMessage-len("…")]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// network describes a transport error: what failed at which step, without the
// URL. Some errors of net/http quote what the other side sent. That can contain
// anything, so it is cleaned like an answer or left out.
func (c cleaner) network(parent, ctx context.Context, err error) string {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return shorten(c.removeSecrets(oneLine(c.describe(parent, ctx, err))))
}

func (c cleaner) describe(parent, ctx context.Context, err error) string {
	var (
		dns     *net.DNSError
		op      *net.OpError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		timeout net.Error

		protocol textproto.ProtocolError
	)
	switch {
	case parent.Err() != nil:
		return "relay stopped waiting for the answer"
	case errors.Is(context.Cause(ctx), errTimeout), errors.Is(context.Cause(ctx), errUpload):
		return context.Cause(ctx).Error()
	case errors.As(err, &dns):
		what := "no such host"
		if dns.IsTimeout {
			what = "the name server does not answer"
		}
		return fmt.Sprintf("cannot find the address of %s: %s", dns.Name, what)
	case errors.As(err, &unknown):
		return "the certificate is signed by an authority this machine does not know"
	case errors.As(err, &host):
		return "the certificate is for another host"
	case errors.As(err, &invalid):
		return "the certificate is not valid: " + invalid.Error()
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not use TLS"
	case errors.As(err, &alert):
		return "the server refused the TLS handshake: " + alert.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused" + through(err)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "the network is unreachable" + through(err)
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy: " + c.text(op.Err.Error())
	case strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)): // net/http has no type for it
		return "the proxy requires a user and password"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was cut"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no connection in time"
	case errors.As(err, &protocol), strings.Contains(err.Error(), "malformed"), strings.Contains(err.Error(), "HTTP/1.x transport connection broken"):
		return "the answer is not valid HTTP"
	}
	return c.text(err.Error())
}

// through returns " by the proxy" if the connection to the proxy failed, else "".
func through(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if op, ok := e.(*net.OpError); ok && op.Op == "proxyconnect" { //nolint:errorlint // each layer is checked
			return " by the proxy"
		}
	}
	return ""
}
