package loopback_test

import (
	"testing"

	"relay/internal/loopback"
)

func TestHosts(t *testing.T) {
	for host, want := range map[string]struct{ address, name bool }{
		"localhost":           {true, true},
		"LocalHost.":          {true, true},
		"127.0.0.1":           {true, true},
		"127.8.9.10":          {true, true},
		"::1":                 {true, true},
		"::ffff:127.0.0.1":    {true, true},
		"relay.localhost":     {false, true}, // a resolver may resolve it to any address
		"Relay.LOCALHOST.":    {false, true},
		"":                    {},
		".":                   {},
		"0.0.0.0":             {},
		"::":                  {},
		"192.0.2.1":           {},
		"::ffff:192.0.2.1":    {},
		"127.0.0.1.":          {false, true}, // as a host, a name to look up
		"127.0.0.1.nip.test":  {},
		"localhost.evil.test": {},
		"notlocalhost":        {},
		"2130706433":          {},
	} {
		if got := loopback.Address(host); got != want.address {
			t.Errorf("Address(%q) = %v", host, got)
		}
		if got := loopback.Name(host); got != want.name {
			t.Errorf("Name(%q) = %v", host, got)
		}
	}
}
