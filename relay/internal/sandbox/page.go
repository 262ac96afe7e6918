package sandbox

import (
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// page shows what was received, newest first.
func (s *Sandbox) page(w http.ResponseWriter, _ *http.Request) {
	st := s.Stats()
	data := struct {
		Stats  Stats
		Phase  PhaseInfo
		Sets   []string
		Codes  []string
		Calls  []Call
		Events []Received
	}{
		Stats: st, Phase: s.Phase(),
		Sets:  slices.Sorted(maps.Keys(st.BySet)),
		Codes: slices.Sorted(maps.Keys(st.ByCode)),
	}
	s.mu.Lock()
	for _, c := range last(s.calls.list, 30) {
		data.Calls = append(data.Calls, *c)
	}
	for _, e := range last(s.events.list, 50) {
		data.Events = append(data.Events, *e)
	}
	s.mu.Unlock()
	slices.Reverse(data.Calls)
	slices.Reverse(data.Events)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = pageTemplate.Execute(w, data) // the reader left
}

func last[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }
