package config

import "testing"

// TestConcealPaths: the path of a certificate's key is shown, a write key beside it is hidden.
func TestConcealPaths(t *testing.T) {
	for _, x := range []struct {
		lines []string
		n     int
		want  string
	}{
		{[]string{`admin: { listen: "0.0.0.0:1", tls: { cert: a.pem, key: b.key } }`}, 1, `admin: { listen: "0.0.0.0:1", tls: { cert: a.pem, key: b.key } }`},
		{[]string{`admin: { tls: { key: b.key, cert: a.pem }, token: hunter2hunter2 }`}, 1, `admin: { tls: { key: b.key, cert: a.pem }, token: <secret>`},
		{[]string{"tls:", "  cert: a.pem", "  key: b.key"}, 3, "  key: b.key"},
		{[]string{"forward:", "  url: x", "  key: hunter2"}, 3, "  key: <secret>"},
		{[]string{"forward: { url: x, key: hunter2 }"}, 1, "forward: { url: x, key: <secret>"},
		{[]string{"auth: { keys: [{ key: hunter2 }] }"}, 1, "auth: { keys: <secret>"},
	} {
		if got := concealLine(x.lines, x.n, x.lines[x.n-1]); got != x.want {
			t.Errorf("%s\n got %s\nwant %s", x.lines[x.n-1], got, x.want)
		}
	}
}
