package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// checked is the result of a readiness check.
type checked struct {
	name string
	err  error
}

// checks checks whether an event can be stored durably now. It ignores Meta: relay exists
// so that a till can deliver its events while the internet is down.
func (s *Server) checks() []checked {
	out := []checked{{"queue", s.o.Queue.CanAppend()}}
	select {
	case <-s.stopping:
		out = append(out, checked{"running", errStopping})
	default:
	}
	return out
}

var errStopping = errors.New("relay is stopping")

// livez reports that the process is running.
func (s *Server) livez(w http.ResponseWriter, r *http.Request) {
	s.health(w, r, "livez", []checked{{"ping", nil}})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	s.health(w, r, "readyz", s.checks())
}

// health answers 200 if every check succeeds, else 503: as text like Kubernetes'
// components, or as JSON if the client accepts it. ?verbose, or a failure, lists the checks.
func (s *Server) health(w http.ResponseWriter, r *http.Request, name string, checks []checked) {
	ok := true
	for _, c := range checks {
		ok = ok && c.err == nil
	}
	code := http.StatusOK
	if !ok {
		code = http.StatusServiceUnavailable
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		type one struct {
			Name  string `json:"name"`
			OK    bool   `json:"ok"`
			Error string `json:"error,omitempty"`
		}
		out := struct {
			OK     bool  `json:"ok"`
			Checks []one `json:"checks"`
		}{OK: ok}
		for _, c := range checks {
			o := one{Name: c.name, OK: c.err == nil}
			if c.err != nil {
				o.Error = c.err.Error()
			}
			out.Checks = append(out.Checks, o)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if ok && !r.URL.Query().Has("verbose") {
		fmt.Fprintln(w, "ok")
		return
	}
	for _, c := range checks {
		if c.err != nil {
			fmt.Fprintf(w, "[-]%s failed: %v\n", c.name, c.err)
		} else {
			fmt.Fprintf(w, "[+]%s ok\n", c.name)
		}
	}
	if ok {
		fmt.Fprintf(w, "%s check passed\n", name)
	} else {
		fmt.Fprintf(w, "%s check failed\n", name)
	}
}
