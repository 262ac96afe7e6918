package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"relay/internal/loopback"
)

// Address is a parsed listen address.
type Address struct {
	Network string // tcp or unix
	Host    string // tcp: empty means every interface
	Port    int    // tcp
	Path    string // unix
}

// ParseAddress parses host:port or unix:/path.
func ParseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		path = strings.TrimPrefix(path, "//")
		switch {
		case path == "":
			return Address{}, errors.New("the path after unix: is missing; write such as unix:/run/relay/in.sock")
		case len(path) > 100:
			return Address{}, errors.New("the path of a unix socket can have at most 100 bytes; choose a shorter one")
		}
		return Address{Network: "unix", Path: path}, nil
	}
	if strings.Contains(text, "://") {
		return Address{}, errors.New("expected host:port without http:// or a path")
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return Address{}, errors.New("expected host:port such as 127.0.0.1:8585, or unix:/path")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Address{}, fmt.Errorf("the port %q is not a number from 0 to 65535", port)
	}
	if host != "" && strings.ContainsAny(host, "/ \t") {
		return Address{}, fmt.Errorf("%q is not the name or address of a host", host)
	}
	return Address{Network: "tcp", Host: host, Port: int(n)}, nil
}

// Local reports whether only this machine can reach the address.
func (a Address) Local() bool { return a.Network == "unix" || loopback.Address(a.Host) }

// String returns the address in the form that ParseAddress reads.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Path
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// clashes reports whether two listeners cannot use both addresses.
func (a Address) clashes(b Address) bool {
	if a.Network != b.Network {
		return false
	}
	if a.Network == "unix" {
		return a.Path == b.Path
	}
	if a.Port == 0 || a.Port != b.Port {
		return false
	}
	return sameHost(a.Host, b.Host) || isWildcard(a.Host) || isWildcard(b.Host)
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

func sameHost(a, b string) bool {
	plain := func(h string) string {
		if strings.EqualFold(h, "localhost") {
			return "127.0.0.1"
		}
		if ip, err := netip.ParseAddr(h); err == nil {
			return ip.Unmap().String()
		}
		return strings.ToLower(h)
	}
	return plain(a) == plain(b)
}
