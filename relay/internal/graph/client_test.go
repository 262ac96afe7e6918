package graph

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/internal/meta"
)

// New refuses every option that a person can get wrong, and its error names the option
// without the secret in it.
func TestNewRefuses(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"graph endpoint is not a URL":                 {Endpoint: "https://user:hunter2@%zz"},
		"graph endpoint must begin with https://":     {Endpoint: "graph.facebook.com"},
		"graph endpoint has no host":                  {Endpoint: "https:///v26.0"},
		"graph endpoint must not contain credentials": {Endpoint: "https://user:hunter2@graph.example"},
		"graph version":                               {Version: "26"},
		"graph offline_version":                       {OfflineVersion: "v16"},
		"graph partner_agent":                         {PartnerAgent: "1234"},
		"graph timeout":                               {Timeout: -1},
		"graph proxy is neither":                      {Proxy: "proxy.example.com:3128"},
		"graph proxy: unknown scheme":                 {Proxy: "ftp://user:hunter2@proxy.example.com"},
		"ca.pem":                                      {CAFile: noPEM},
	} {
		c, err := New(o)
		if err == nil || c != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: error %v, want one with %q and no secret", o, err, want)
		}
	}
}

// New accepts the zero value and every kind of proxy.
func TestNewAccepts(t *testing.T) {
	for _, o := range []Options{
		{},
		{Proxy: "none"},
		{Proxy: "http://user:pw@proxy.example.com:3128"},
		{Proxy: "socks5://proxy.example.com:1080"},
		{Endpoint: "http://127.0.0.1:8080/base/"},
		{PartnerAgent: "till-1"},
	} {
		if _, err := New(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// The body has the events byte for byte and in order, then only the fields that the
// API of the request has.
func TestBody(t *testing.T) {
	c, err := New(Options{PartnerAgent: "till-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		api    meta.API
		secret string
		want   string // without the proof
	}{
		{meta.Conversions, "", `{"data":[{"b":1, "a":2},{}],"access_token":"tok\"en","upload_tag":"Segment","test_event_code":"TEST1","partner_agent":"till-1"}`},
		{meta.Offline, "", `{"data":[{"b":1, "a":2},{}],"access_token":"tok\"en","upload_tag":"Segment"}`},
		{meta.Offline, "app", `{"data":[{"b":1, "a":2},{}],"access_token":"tok\"en","upload_tag":"Segment","appsecret_proof":`},
	} {
		r := Request{API: tt.api, UploadTag: "Segment", TestEventCode: "TEST1", Data: [][]byte{[]byte(`{"b":1, "a":2}`), []byte(`{}`)}}
		p := c.body(r, `tok"en`, tt.secret)
		var got []byte
		for _, b := range p {
			got = append(got, b...)
		}
		if !strings.HasPrefix(string(got), tt.want) || tt.secret == "" && string(got) != tt.want || !json.Valid(got) {
			t.Errorf("%v: %s\n want %s", tt.api, got, tt.want)
		}
		if p.size() != int64(len(got)) {
			t.Errorf("%v: size is %d, the body has %d bytes", tt.api, p.size(), len(got))
		}
	}
	if p := c.body(Request{}, "t", ""); string(p[0])+string(p[1]) != `{"data":[],"access_token":"t","partner_agent":"till-1"}` {
		t.Errorf("an empty list gives %s", p)
	}
}
