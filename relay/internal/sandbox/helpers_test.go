package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The hash of john_smith@gmail.com as Meta's own page prints it (docs/meta.md
// 3.1); the others come from the same table.
const (
	hashMail   = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
	hashMary   = "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"
	hashF      = "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"
	hashUS     = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"
	hashBirth  = "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"
	clock      = 1_790_000_000
	goodStore  = `{"event_name":"Purchase","event_time":1789999000,"action_source":"physical_store","event_id":"m-1","user_data":{"em":["HASH"]},"custom_data":{"value":10.5,"currency":"USD","order_id":"o-1","contents":[{"id":"a","quantity":1,"item_price":10.5}],"content_ids":["a"],"content_type":"product"}}`
	goodLegacy = `{"event_name":"Purchase","event_time":1789999000,"match_keys":{"email":"HASH"},"value":10.5,"currency":"USD","order_id":"o-1","contents":[{"id":"a","quantity":1,"price":10.5}],"content_ids":["a"],"content_type":"product"}`
)

func good() string   { return strings.Replace(goodStore, "HASH", hashMail, 1) }
func legacy() string { return strings.Replace(goodLegacy, "HASH", hashMail, 1) }

func start(t *testing.T, o Options) (*Sandbox, string) {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return time.Unix(clock, 0) }
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (r reply) code() string {
	e, _ := r.json["error"].(map[string]any)
	if e == nil {
		return ""
	}
	s := strconv.Itoa(int(e["code"].(float64)))
	if sub, ok := e["error_subcode"].(float64); ok {
		s += "/" + strconv.Itoa(int(sub))
	}
	return s
}

func do(t *testing.T, req *http.Request) (reply, error) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req.WithContext(t.Context()))
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: resp.StatusCode, header: resp.Header, body: string(b)}
	_ = json.Unmarshal(b, &r.json)
	return r, nil
}

// post sends a JSON body as anybody would.
func post(t *testing.T, url, body string) reply {
	t.Helper()
	r, err := tryPost(t, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryPost(t *testing.T, url, body string) (reply, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return do(t, req)
}

func get(t *testing.T, url string) reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := do(t, req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wrap(events ...string) string {
	return `{"access_token":"secret-token-1","upload_tag":"Segment","data":[` + strings.Join(events, ",") + `]}`
}

// with changes one member of an event, at a path such as user_data.em; ""
// removes it.
func with(t *testing.T, event, path, value string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(event), &m); err != nil {
		t.Fatal(err)
	}
	key, rest, deeper := strings.Cut(path, ".")
	switch {
	case deeper:
		m[key] = json.RawMessage(with(t, string(m[key]), rest, value))
	case value == "":
		delete(m, key)
	default:
		m[key] = json.RawMessage(value)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatalf("%s = %s: %v", path, value, err)
	}
	return string(b)
}

const day = 24 * time.Hour
