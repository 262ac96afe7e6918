// Package loopback says which hosts are this machine and nobody else's: rules
// about keys, tokens, proxies and plain http depend on it. It imports nothing of
// relay's.
package loopback

import (
	"net/netip"
	"strings"
)

// Address says whether a host to listen on or to call, without port and
// brackets, is a loopback address or localhost. No name is looked up.
func Address(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Name says whether a client that calls this host means loopback: as Address,
// and every name below localhost (RFC 6761, 6.3), which browsers never look up. A
// final dot is no difference.
func Name(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return Address(host) || strings.HasSuffix(strings.ToLower(host), ".localhost")
}
