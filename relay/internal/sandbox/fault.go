package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"relay/internal/meta"
)

// fault is a refusal, later written as an error envelope.
type fault struct {
	status    int // default 400 (docs/meta.md 6.4)
	code      int
	subcode   int
	text      string // our words for the violation, without any value
	path      string // member of the event, as in user_data
	index     int    // of the event
	typ       string
	transient bool
	list      []fault // legacy: every bad event
}

// words returns the simulator's text for a code: the row of the table, in English. Meta's
// texts differ, change, and are in the language of the token's owner, so clients must
// classify by code.
func words(code, subcode int) string {
	row, ok := meta.CodeOf(code, subcode)
	if !ok {
		row.Meaning = "an error occurred"
	}
	said, _, _ := strings.Cut(row.Meaning, ";")
	said, _, _ = strings.Cut(said, " (")
	said = strings.TrimPrefix(said, "legacy: ")
	return strings.ToUpper(said[:1]) + said[1:]
}

// details returns the title and text for a person that a refused event has.
func details(subcode int, lang string) (title, msg string) {
	row, _ := meta.CodeOf(meta.InvalidParameter, subcode)
	switch {
	case row.Class != "invalid_event":
		return "", ""
	case lang == "fr":
		return "Évènement refusé", "Un paramètre de l’évènement est absent ou n’est pas valide."
	}
	return "Event not accepted", words(row.Code, subcode) + "."
}

// envelope is the error of docs/meta.md 6.2.
type envelope struct {
	Message   string `json:"message"`
	Type      string `json:"type"`
	Code      int    `json:"code"`
	Subcode   int    `json:"error_subcode,omitempty"`
	Transient bool   `json:"is_transient"`
	Data      any    `json:"error_data,omitempty"`
	UserTitle string `json:"error_user_title,omitempty"`
	UserMsg   string `json:"error_user_msg,omitempty"`
	FBTraceID string `json:"fbtrace_id"`
}

// refuse answers with an error.
func (q *request) refuse(f fault) {
	e := envelope{
		Message: cmp.Or(f.text, words(f.code, 0)), Type: cmp.Or(f.typ, "OAuthException"),
		Code: f.code, Subcode: f.subcode, Transient: f.transient, FBTraceID: q.call.FBTraceID,
	}
	if f.subcode != 0 && f.code == meta.InvalidParameter {
		e.Message = words(f.code, 0) // the details are in the user texts
		e.UserTitle, e.UserMsg = details(f.subcode, q.set.Language)
	}
	if f.subcode != 0 && f.text != "" && q.set.Language != "fr" {
		e.UserMsg = f.text
	}
	switch {
	case f.list != nil:
		e.Data = q.errorData(f)
	case f.path != "" && q.set.NameBad == "path": // docs/meta.md 6.2, last line
		e.UserMsg += fmt.Sprintf(" ($['data'][%d]%s)", f.index, brackets(f.path))
	case f.path != "" && q.set.NameBad == "specs":
		e.Data = q.form(map[string]any{"blame_field_specs": [][]string{{fmt.Sprintf("data[%d][%s]", f.index, f.path)}}})
	}
	status := cmp.Or(f.status, 400)
	var body any = map[string]any{"error": e}
	switch q.mode.Mode {
	case Suppressed:
		status = 200
	case OldStyle: // docs/meta.md 6.2
		body = map[string]any{"error_code": e.Code, "error_msg": e.Message, "error_type": e.Type, "error_subcode": e.Subcode, "error_data": e.Data}
	}
	if q.params.text("suppress_http_code") == "1" { // docs/meta.md 2.3
		status = 200
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode error: %v", err)) // our own types
	}
	q.s.mu.Lock()
	q.call.Code, q.call.Subcode = f.code, f.subcode
	q.s.mu.Unlock()
	q.write(status, b)
}

// errorData returns the legacy list of bad events. Its members and values were
// observed; its nesting was not (docs/meta.md 6.3 and 10.5).
func (q *request) errorData(f fault) any {
	m := map[string]any{}
	for i, e := range f.list {
		t, msg := details(e.subcode, q.set.Language)
		if q.set.Language != "fr" {
			msg = cmp.Or(e.text, msg)
		}
		m[strconv.Itoa(i)] = map[string]any{
			"event_index": e.index, "message": cmp.Or(t, words(meta.InvalidParameter, 0)) + ": " + msg,
			"type": "CodedException", "code": cmp.Or(e.subcode, 100),
		}
	}
	return q.form(m)
}

func (q *request) form(m any) any {
	if q.set.ErrorData != "string" {
		return m
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode error_data: %v", err)) // our own types
	}
	return string(b)
}

// brackets writes user_data.em as ['user_data']['em'].
func brackets(path string) string {
	var out strings.Builder
	start := 0
	for i := 0; i <= len(path); i++ {
		if i == len(path) || path[i] == '.' {
			out.WriteString("['" + path[start:i] + "']")
			start = i + 1
		}
	}
	return out.String()
}

// unsupported returns 100/33: no such object, no rights, or an unsupported operation
// (docs/meta.md 6.5).
func unsupported(method, id string) fault {
	if !idForm.MatchString(id) {
		id = "?"
	}
	return fault{
		code: 100, subcode: 33, typ: "GraphMethodException",
		text: "Unsupported " + lower(method) + " request. Object with ID '" + id + "' does not exist, cannot be loaded due to missing permissions, or does not support this operation.",
	}
}
