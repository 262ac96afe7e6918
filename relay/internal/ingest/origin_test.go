package ingest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestOriginAndHost(t *testing.T) {
	t.Parallel()
	keys := []Key{{Key: "WK"}}
	listed := []string{"https://till.example.com", "https://*.shops.example.com", "HTTP://localhost:3000/"}
	for _, tc := range []struct {
		name    string
		keys    []Key
		origins []string
		host    string
		header  string
		want    string // "" for 200, else the code
	}{
		{name: "no browser"},
		{name: "Node's fetch", header: "Sec-Fetch-Mode: cors"},
		{name: "a page elsewhere", header: "Origin: https://evil.example.com", want: "forbidden_origin"},
		{name: "a page elsewhere, no-cors", header: "Origin: https://evil.example.com\nContent-Type: text/plain\nSec-Fetch-Mode: no-cors", want: "forbidden_origin"},
		{name: "a page without a name", header: "Origin: null", want: "forbidden_origin"},
		{name: "a page on another local port", header: "Origin: http://localhost:9999", want: "forbidden_origin"},
		{name: "a page elsewhere, with the key", keys: keys, header: "Origin: https://evil.example.com\nAuthorization: Bearer WK", want: "forbidden_origin"},
		{name: "a browser that hides its Origin", header: "Sec-Fetch-Site: cross-site", want: "forbidden_origin"},
		{name: "this very listener", host: "localhost:8585", header: "Origin: http://localhost:8585"},
		{name: "a listed page", origins: listed, header: "Origin: https://till.example.com\nSec-Fetch-Site: cross-site"},
		{name: "a listed page, other case", origins: listed, header: "Origin: http://LOCALHOST:3000"},
		{name: "a page of a listed domain", origins: listed, header: "Origin: https://a.b.shops.example.com"},
		{name: "the domain itself is not listed", origins: listed, header: "Origin: https://shops.example.com", want: "forbidden_origin"},
		{name: "a name that only ends like it", origins: listed, header: "Origin: https://evilshops.example.com", want: "forbidden_origin"},
		{name: "a name that only begins like it", origins: listed, header: "Origin: https://till.example.com.evil.example", want: "forbidden_origin"},
		{name: "plain instead of https", origins: listed, header: "Origin: http://till.example.com", want: "forbidden_origin"},
		{name: "any page", origins: []string{"*"}, header: "Origin: https://evil.example.com"},

		{name: "rebound name", host: "evil.example.com", want: "forbidden_host"},
		{name: "rebound name with port and Origin", host: "evil.example.com:8585", header: "Origin: http://evil.example.com:8585", want: "forbidden_host"},
		{name: "a name like loopback", host: "127.0.0.1.evil.example.com", want: "forbidden_host"},
		{name: "a name like localhost", host: "localhost.evil.example.com", want: "forbidden_host"},
		{name: "another address", host: "192.0.2.7:8585", want: "forbidden_host"},
		{name: "rebound name, but it has the key", keys: keys, host: "relay.example.com", header: "Authorization: Bearer WK"},
		{name: "localhost", host: "LocalHost."},
		{name: "a name under localhost", host: "till.localhost:1"},
		{name: "IPv6 loopback", host: "[::1]:8585"},
		{name: "IPv4 in IPv6", host: "[::ffff:127.0.0.1]:8585"},
		{name: "another loopback", host: "127.8.8.8"},
		{name: "a listed name", host: "Sidecar.internal:8585"},
		{name: "an address that is no name", host: "[::1", want: "forbidden_host"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			url, _, m := start(t, Options{Keys: tc.keys, AllowedOrigins: tc.origins, AllowedHosts: []string{"sidecar.internal"}}, ServerOptions{})
			head := "POST /v1/track HTTP/1.1\nHost: " + tc.host
			if tc.host == "" {
				head = "POST /v1/track HTTP/1.1\nHost: 127.0.0.1:8585"
			}
			if tc.header != "" {
				head += "\n" + tc.header
			}
			resp := raw(t, strings.TrimPrefix(url, "http://"), head+"\nContent-Length: ", order)
			stored := len(m.take())
			if tc.want == "" {
				if resp.status != 200 || stored != 1 {
					t.Errorf("status %d, %d stored: %s", resp.status, stored, resp.body)
				}
				return
			}
			if tc.host == "[::1" && resp.status == 400 { // net/http refuses it already
				return
			}
			checkFailure(t, []byte(resp.body), tc.want)
			if resp.status != 403 || stored != 0 {
				t.Errorf("status %d, %d stored", resp.status, stored)
			}
		})
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	url, _, m := start(t, Options{AllowedOrigins: []string{"https://till.example.com"}}, ServerOptions{})
	do := func(method, origin string, more ...string) *http.Response {
		var body io.Reader = http.NoBody
		if method == http.MethodPost {
			body = strings.NewReader(order)
		}
		req, _ := http.NewRequestWithContext(t.Context(), method, url+"/v1/t", body)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		for i := 0; i < len(more); i += 2 {
			req.Header.Set(more[i], more[i+1])
		}
		resp, err := client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	expect := func(r *http.Response, status int, want map[string]string) {
		t.Helper()
		if r.StatusCode != status {
			t.Errorf("status %d, want %d", r.StatusCode, status)
		}
		for k, v := range want {
			if got := r.Header.Get(k); got != v {
				t.Errorf("%s: %q, want %q", k, got, v)
			}
		}
	}
	expect(do("OPTIONS", "https://till.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true"), 204, map[string]string{
		"Access-Control-Allow-Origin": "https://till.example.com", "Access-Control-Allow-Methods": "POST, OPTIONS", "Access-Control-Allow-Headers": corsHeaders,
		"Access-Control-Max-Age": "600", "Access-Control-Allow-Private-Network": "true", "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
	})
	expect(do("OPTIONS", "https://evil.example.com", "Access-Control-Request-Method", "POST"), 403, map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": ""})
	expect(do("OPTIONS", ""), 204, map[string]string{"Allow": "POST, OPTIONS", "Access-Control-Allow-Origin": ""})
	expect(do("POST", "https://till.example.com"), 200, map[string]string{"Access-Control-Allow-Origin": "https://till.example.com", "Access-Control-Expose-Headers": "Retry-After", "Access-Control-Allow-Methods": ""})
	expect(do("POST", ""), 200, map[string]string{"Access-Control-Allow-Origin": ""})
	if n := len(m.take()); n != 1 {
		t.Errorf("%d stored", n)
	}
}
