package config

import (
	"errors"
	"strings"
	"testing"

	"relay/internal/strictyaml"
)

// A relay must not forward to itself, nor to another path of the hub's relay. A path of a proxy in
// front of the hub is allowed.
func TestForwardURL(t *testing.T) {
	for _, c := range []struct{ listen, url, want string }{
		{"127.0.0.1:8585", "http://127.0.0.1:8585", "this is listen of this relay"},
		{"127.0.0.1:8585", "http://localhost:8585", "this is listen of this relay"},
		{"0.0.0.0:8585", "https://127.0.0.1:8585", "this is listen of this relay"},
		{"127.0.0.1:443", "https://localhost", "this is listen of this relay"},
		{"127.0.0.1:8585", "http://127.0.0.1:8586", "this is admin.listen of this relay"},
		{"127.0.0.1:8585", "http://127.0.0.1:8587", "this is health.listen of this relay"},
		{"127.0.0.1:8585", "https://hub.example.com/v1/batch", "relay appends /v1/forward"},
		{"127.0.0.1:8585", "https://hub.example.com/v1/forward/", "only the hub's address: https://hub.example.com"},
		{"127.0.0.1:8585", "https://hub.example.com/shop/v1", "relay appends /v1/forward"},
		{"127.0.0.1:8585", "https://hub.example.com/shop", ""},
		{"127.0.0.1:8585", "http://127.0.0.1:9595", ""},
		{"0.0.0.0:8585", "https://hub.example.com:8585", ""},
	} {
		text := "listen: " + c.listen + "\nadmin: { listen: \"127.0.0.1:8586\" }\nhealth: { listen: \"127.0.0.1:8587\" }\nauth: { write_keys: [0123456789abcdef] }\n" +
			"queue: { path: data }\nforward: { url: \"" + c.url + "\", key: 0123456789abcdef }\n"
		_, _, err := Parse("relay.yaml", []byte(text), environment(nil))
		said := ""
		if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
			said = ps.Render()
		}
		if (c.want == "") != (err == nil) || !strings.Contains(said, c.want) {
			t.Errorf("%s at %s: %v: %s, want %q", c.url, c.listen, err, said, c.want)
		}
	}
}
