// Package loopback decides which hosts are this machine and no other: rules about keys, tokens,
// proxies and plain http depend on it. It imports no other package of relay.
package loopback

import (
	"net/netip"
	"strings"
)

// Address reports whether a host to listen on or to call, without port and brackets, is a loopback
// address or localhost. No name is looked up.
func Address(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Name reports whether a client that calls this host means loopback: like Address, plus every name
// below localhost (RFC 6761, 6.3), which browsers never look up. A trailing dot makes no
// difference.
func Name(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return Address(host) || strings.HasSuffix(strings.ToLower(host), ".localhost")
}
