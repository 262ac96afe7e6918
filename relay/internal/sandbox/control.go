package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"relay/internal/loopback"
)

// control serves the sandbox's own paths; doc.go lists them.
func (s *Sandbox) control(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	// A web page in a browser on this machine must not be able to switch it.
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		fail(w, http.StatusForbidden, "a page of another site may not do this")
		return
	}
	if !knownHost(r) {
		fail(w, http.StatusForbidden, "this name is not one the simulator answers to; use its address")
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /sandbox/mode", s.getMode)
	mux.HandleFunc("POST /sandbox/mode", s.postMode)
	mux.HandleFunc("POST /sandbox/tokens", s.postTokens)
	mux.HandleFunc("GET /sandbox/stats", func(w http.ResponseWriter, _ *http.Request) { send(w, s.Stats()) })
	mux.HandleFunc("GET /sandbox/events", s.getEvents)
	mux.HandleFunc("GET /sandbox/calls", s.getCalls)
	mux.HandleFunc("GET /sandbox/rules", func(w http.ResponseWriter, r *http.Request) {
		send(w, Rules(r.URL.Query().Get("api") == "offline"))
	})
	mux.HandleFunc("POST /sandbox/reset", func(w http.ResponseWriter, _ *http.Request) { s.Reset(); send(w, s.Stats()) })
	mux.HandleFunc("POST /sandbox/verify", s.postVerify)
	mux.HandleFunc("GET /sandbox/scenario", func(w http.ResponseWriter, _ *http.Request) { send(w, s.Phase()) })
	mux.ServeHTTP(w, r)
}

// knownHost prevents DNS rebinding: a page whose name now resolves to this
// machine has the same origin as the sandbox, but a foreign host name.
func knownHost(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if loopback.Name(host) || net.ParseIP(host) != nil {
		return true
	}
	here, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && !here.IP.IsLoopback() // called by a name of its own, as in a container
}

func (s *Sandbox) getMode(w http.ResponseWriter, _ *http.Request) {
	n := s.Settings()
	if n.Mode == "" {
		n.Mode = OK
	}
	send(w, n)
}

// postMode merges settings. A new mode discards the request count and codes of
// the old one.
func (s *Sandbox) postMode(w http.ResponseWriter, r *http.Request) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	err := s.update(func(n *Settings) error {
		var given struct{ Mode *string }
		if json.Unmarshal(b, &given) == nil && given.Mode != nil {
			n.Behaviour = Behaviour{LatencyMS: n.LatencyMS}
		}
		return n.merge(b)
	})
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	s.getMode(w, r)
}

func (s *Sandbox) postTokens(w http.ResponseWriter, r *http.Request) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var tokens map[string]TokenState
	if err := json.Unmarshal(b, &tokens); err != nil {
		fail(w, http.StatusBadRequest, `want {"token":"state"}`) // the error could quote a token
		return
	}
	if err := s.SetTokens(tokens); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	send(w, map[string]int{"tokens": len(tokens)})
}

func (s *Sandbox) getEvents(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, ok := count(w, q.Get("limit"))
	if !ok {
		return
	}
	lines(w, s.Events(Filter{Set: q.Get("set"), Name: q.Get("name"), ID: q.Get("id"), Limit: limit}))
}

func (s *Sandbox) getCalls(w http.ResponseWriter, r *http.Request) {
	after, ok := count(w, r.URL.Query().Get("after"))
	if !ok {
		return
	}
	limit, ok := count(w, r.URL.Query().Get("limit"))
	if !ok {
		return
	}
	lines(w, s.Calls(after, limit))
}

// postVerify reads ids as a JSON list or one a line.
func (s *Sandbox) postVerify(w http.ResponseWriter, r *http.Request) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	var ids []string
	if t := bytes.TrimSpace(b); len(t) > 0 && t[0] == '[' {
		if err := json.Unmarshal(t, &ids); err != nil {
			fail(w, http.StatusBadRequest, "want a list of texts, or one id a line")
			return
		}
	} else {
		for line := range strings.Lines(string(b)) {
			if id := strings.TrimSpace(line); id != "" {
				ids = append(ids, id)
			}
		}
	}
	send(w, s.Verify(ids, r.URL.Query().Get("set")))
}

func body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<20))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, "the body is too large")
	case err != nil:
		fail(w, http.StatusBadRequest, "the body could not be read")
	case !utf8.Valid(b):
		fail(w, http.StatusBadRequest, "the body is not UTF-8")
	default:
		return b, true
	}
	return nil, false
}

func count(w http.ResponseWriter, s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		fail(w, http.StatusBadRequest, "want a number")
		return 0, false
	}
	return n, true
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the reader left
}

func lines[T any](w http.ResponseWriter, list []T) {
	w.Header().Set("Content-Type", "application/jsonl")
	e := json.NewEncoder(w)
	for _, v := range list {
		if e.Encode(v) != nil {
			return
		}
	}
}

func fail(w http.ResponseWriter, status int, msg string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"success": false, "message": msg})
}
