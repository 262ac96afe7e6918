package advice

import (
	"slices"
	"strings"
)

// networkFailure is why a request got no answer.
type networkFailure int

const (
	failureOther networkFailure = iota
	failureProxy                // the proxy could not be used
	failureNoTLS                // the server does not use TLS
	failureTLS                  // the certificate or the TLS handshake was refused
	failureSlow                 // the upload made no progress
	failureDNS                  // the name could not be looked up
)

// networkFailureOf finds the cause in a message that package graph wrote for a
// network error.
func networkFailureOf(message string) networkFailure {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(message, w) })
	}
	switch {
	case has("proxy"):
		return failureProxy
	case has("does not use TLS"):
		return failureNoTLS
	case has("certificate", "TLS", "tls:", "x509"):
		return failureTLS
	case has("too slow"):
		return failureSlow
	case has("address of"):
		return failureDNS
	}
	return failureOther
}

// badCertificate is what is wrong with a certificate.
type badCertificate int

const (
	certificateOther     badCertificate = iota
	certificateUntrusted                // signed by an authority that this machine does not know
	certificateWrongHost                // issued for another name
	certificateExpired                  // expired
	certificateEarly                    // not valid yet by this machine's clock, or that clock is before 2020
)

// badCertificateOf finds the problem in a message that package graph wrote for a
// TLS error.
func badCertificateOf(message string) badCertificate {
	switch {
	case strings.Contains(message, "by an authority"):
		return certificateUntrusted
	case strings.Contains(message, "for another host"):
		return certificateWrongHost
	case strings.Contains(message, "expired"): // package x509 has one message for both
		if _, now, ok := strings.Cut(message, "current time "); ok && now < "2020" || strings.Contains(message, " is before ") {
			return certificateEarly
		}
		return certificateExpired
	}
	return certificateOther
}

// setClock is the fix for a clock by which a certificate is not valid yet.
const setClock = "set the clock of this machine and let NTP keep it: it is probably wrong, and by it the certificate is not valid yet"

// fixProxy is what to do about a proxy that cannot be used.
const fixProxy = "check graph.proxy (or HTTPS_PROXY): host, port, and user and password if the proxy requires them (http://user:password@host:port)"
