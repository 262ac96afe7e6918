package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ask is one call of relay. The zero values mean: standard input is empty,
// no config is named.
type ask struct {
	file   string // of testdata/golden/cli; default: the name of the command
	stdin  string
	config string // --config; not shown
	rules  []rule
	same   string // a committed file whose bytes the output must have; they are not repeated
}

// relay runs a command inside this process and records what it says.
func (r *record) relay(t *testing.T, a ask, args ...string) {
	t.Helper()
	call := append([]string{}, args...) // nil would mean those of this process
	if a.config != "" {
		call = append(call, "--config", a.config)
	}
	var out, errOut bytes.Buffer
	code := run(context.WithoutCancel(t.Context()), call, strings.NewReader(a.stdin), &out, &errOut)
	r.said(t, a, args, code, out.String(), errOut.String())
}

// said records what a command said.
func (r *record) said(t *testing.T, a ask, args []string, code int, out, errOut string) {
	t.Helper()
	c, _, err := newRoot().Find(args)
	path := "relay"
	if err == nil {
		path = c.CommandPath()
	}
	if slices.Contains(args, "--help") {
		r.help[path] = true
	} else {
		r.commands[path] = true
	}
	if a.file == "" {
		a.file = "relay"
		if words := strings.Fields(path); len(words) > 1 {
			a.file = words[1]
		}
	}
	if a.same != "" {
		if want := read(t, a.same); out != want {
			t.Errorf("relay %s does not print the bytes of %s", strings.Join(args, " "), a.same)
		}
		out = fmt.Sprintf("(the bytes of %s)\n", strings.TrimPrefix(filepath.ToSlash(a.same), "../"))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "exit %d\n", code)
	if a.stdin != "" {
		fmt.Fprintf(&b, "--- stdin\n%s", r.shown(a.stdin, a.rules...))
	}
	for _, s := range []struct{ name, text string }{{"stdout", out}, {"stderr", errOut}} {
		if s.text != "" {
			fmt.Fprintf(&b, "--- %s\n%s", s.name, r.shown(s.text, a.rules...))
		}
	}
	r.block("cli/"+a.file, "$ "+strings.TrimSpace(r.shown("relay "+quoted(args)+"\n")), b.Bytes())
}

// quoted writes arguments as a shell takes them.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " '\"{}$*") {
			words[i] = "'" + a + "'"
		}
	}
	return strings.Join(words, " ")
}

// call is one HTTP request.
type call struct {
	file   string // of testdata/golden
	base   string // http://address; that of the admin side stands for the control socket, unless tcp
	tcp    bool
	method string // default GET
	path   string
	header string // "Name: value\n…"
	body   string
	show   string // of the body, when the whole is too long to read
	rules  []rule
	part   func(io.Reader) string // reads an answer and says what of it is recorded; default: all of it
}

// apiHeaders are on every answer of the admin address. A golden file shows
// them only where they are missing or others.
var apiHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cache-Control":                "no-store",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
}

// http sends a request and records the answer: status, headers, body.
func (r *record) http(t *testing.T, c call) {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodGet
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, c.method, c.base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.body == "" {
		q.Body, q.ContentLength = nil, 0
	}
	q.Header.Set("Accept-Encoding", "identity")
	for l := range strings.Lines(c.header) {
		name, value, _ := strings.Cut(strings.TrimSpace(l), ": ")
		if name == "Host" {
			q.Host = value
		} else {
			q.Header.Set(name, value)
		}
	}
	via := http.DefaultTransport
	if c.base == r.adminBase && !c.tcp && !strings.Contains(c.header, "Host: ") { // as the commands do
		q.Header.Set("X-Relay", "1")
		via = controlOf(r.socket).Transport
	}
	resp, err := via.RoundTrip(q)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	defer resp.Body.Close()
	if c.part == nil {
		c.part = func(from io.Reader) string {
			b, err := io.ReadAll(from)
			if err != nil {
				t.Fatalf("%s %s: %v", c.method, c.path, err)
			}
			return string(b)
		}
	}
	r.answered(c, resp, c.part(resp.Body))
}

// answered records the answer to a call.
func (r *record) answered(c call, resp *http.Response, body string) {
	var b strings.Builder
	if c.header != "" {
		b.WriteString(r.shown(strings.TrimSuffix(c.header, "\n") + "\n"))
	}
	if shown := cmp.Or(c.show, c.body); shown != "" {
		b.WriteString("--- body\n" + r.shown(shown, c.rules...))
	}
	fmt.Fprintf(&b, "--- answer\n%d %s\n", resp.StatusCode, http.StatusText(resp.StatusCode))
	h := resp.Header.Clone()
	h.Del("Date")
	h.Del("Content-Length")
	if strings.HasPrefix(c.file, "api/") {
		for _, name := range slices.Sorted(maps.Keys(apiHeaders)) {
			switch h.Get(name) {
			case apiHeaders[name]:
				h.Del(name)
			case "":
				fmt.Fprintf(&b, "(no %s)\n", name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		b.WriteString(r.shown(name + ": " + strings.Join(h[name], ", ") + "\n"))
	}
	if body != "" {
		b.WriteString("\n" + r.shown(body, c.rules...))
	}
	r.block(c.file, strings.TrimSpace(r.shown(c.method+" "+c.path+"\n")), []byte(b.String()))
	path, _, _ := strings.Cut(c.path, "?")
	r.routes[c.method+" "+path] = true
}
