package advice

import (
	"slices"
	"strings"
)

// way is where a request stopped that had no answer, by what the network said (package
// graph puts it into words).
type way int

const (
	wayElse   way = iota
	wayProxy      // the proxy could not be used
	wayPlain      // the other side does not encrypt
	wayUnsafe     // its certificate, or how it encrypts, was refused
	waySlow       // the body did not leave in time
	wayName       // the name could not be looked up
)

func wayOf(said string) way {
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
	}
	switch {
	case is("proxy"):
		return wayProxy
	case is("does not use TLS"):
		return wayPlain
	case is("certificate", "TLS", "tls:", "x509"):
		return wayUnsafe
	case is("too slow"):
		return waySlow
	case is("address of"):
		return wayName
	}
	return wayElse
}

// badCertificate is what is wrong with a certificate.
type badCertificate int

const (
	badElse     badCertificate = iota
	ofStranger                 // signed by an authority that is not known here
	ofOtherHost                // for another name
	outOfDate                  // expired, or not valid yet
)

func badCertificateOf(said string) badCertificate {
	switch {
	case strings.Contains(said, "by an authority"):
		return ofStranger
	case strings.Contains(said, "for another host"):
		return ofOtherHost
	case strings.Contains(said, "expired"):
		return outOfDate
	}
	return badElse
}

// proxySet is what to do about a proxy that cannot be used.
const proxySet = "check graph.proxy (or HTTPS_PROXY): host, port, and user and password if the proxy asks for them (http://user:password@host:port)"
