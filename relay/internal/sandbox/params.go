package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// params are the parameters of a call, from any of these: JSON body,
// url-encoded form, multipart form or the query string (docs/meta.md 1.1,
// row "Encodings seen working"). A value is JSON where the wire had JSON, and
// a JSON string where it had text.
type params map[string]json.RawMessage

// parseParams reads all of them; the body takes precedence over the query.
func parseParams(r *http.Request, body []byte) (params, error) {
	p := params{}
	for k, v := range r.URL.Query() {
		p.setText(k, v[0])
	}
	kind, attr, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch {
	case len(bytes.TrimSpace(body)) == 0:
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, errors.New("(#100) The form cannot be read")
		}
		for k, v := range form {
			p.setText(k, v[0])
		}
	case kind == "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(body), attr["boundary"]).ReadForm(64 << 20)
		if err != nil {
			return nil, errors.New("(#100) The multipart form cannot be read")
		}
		defer func() { _ = form.RemoveAll() }()
		for k, v := range form.Value {
			p.setText(k, v[0])
		}
		for k, files := range form.File {
			if err := p.setFile(k, files[0]); err != nil {
				return nil, err
			}
		}
	case kind == "application/json":
		var own map[string]json.RawMessage
		if json.Unmarshal(body, &own) != nil {
			return nil, errors.New("(#100) The body is not a JSON object")
		}
		maps.Copy(p, own)
	default:
		return nil, fmt.Errorf("(#100) Content-Type %q: want JSON or a form", kind)
	}
	return p, nil
}

func (p params) setText(k, v string) {
	b, _ := json.Marshal(v) // text always encodes
	p[k] = b
}

func (p params) setFile(k string, f *multipart.FileHeader) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("open part: %w", err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		return fmt.Errorf("read part: %w", err)
	}
	p.setText(k, b.String())
	return nil
}

// text returns a parameter as text: "" if absent; numbers as written.
func (p params) text(k string) string {
	raw := bytes.TrimSpace(p[k])
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// json returns a parameter as JSON; text from a form is parsed.
func (p params) json(k string) json.RawMessage {
	raw := bytes.TrimSpace(p[k])
	var s string
	if json.Unmarshal(raw, &s) == nil && s != "" {
		return json.RawMessage(s)
	}
	return raw
}

// token returns the access token from a place where clients send it: body, form,
// query (docs/meta.md 1.1), or the Authorization header (undocumented, works).
func (q *request) token() string {
	if t := q.params.text("access_token"); t != "" {
		return t
	}
	if t, ok := strings.CutPrefix(q.r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(t)
	}
	return ""
}

// elements are the events of data: a list of objects, or of texts that hold
// one each (docs/meta.md 1.1).
func (p params) elements() ([]json.RawMessage, error) {
	raw := p.json("data")
	if len(raw) == 0 {
		return nil, errors.New("(#100) The parameter data is required")
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, errors.New("(#100) param data must be an array.") //nolint:staticcheck // Meta's own words
	}
	for i, e := range list {
		var s string
		if json.Unmarshal(e, &s) == nil {
			list[i] = json.RawMessage(s)
		}
	}
	return list, nil
}
