package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"relay/internal/meta"
)

// fault is a refusal on its way to an error envelope.
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

// words are title and text of a code, by language. They are our own; Meta's
// differ and change, which is the point of classifying by code.
type words struct{ title, msg, titleFR, msgFR string }

var texts = map[[2]int]words{
	{100, 2804003}: {"Event too old", "The event happened too long ago to be taken.", "Évènement trop ancien", "L’évènement s’est produit il y a trop longtemps."},
	{100, 2804004}: {"Event in the future", "The time of the event lies in the future.", "Évènement dans le futur", "L’heure de l’évènement est dans le futur."},
	{100, 2804008}: {"Contents without id", "Every item of contents needs an id.", "Contenu sans identifiant", "Chaque élément doit avoir un identifiant."},
	{100, 2804009}: {"Value missing", "A Purchase event needs a value.", "Valeur manquante", "Un achat doit avoir une valeur."},
	{100, 2804010}: {"Currency missing", "A Purchase event needs a currency.", "Devise manquante", "Un achat doit avoir une devise."},
	{100, 2804016}: {"Parameter not hashed", "A parameter of customer information is not a SHA-256 hash.", "Paramètre non haché", "Un paramètre client n’est pas haché."},
	{100, 2804019}: {"Server parameter error", "A parameter of the event is missing or has the wrong form.", "Erreur de paramètre", "Un paramètre est absent ou invalide."},
	{100, 2804023}: {"Value without currency", "An event with a value needs a currency.", "Valeur sans devise", "Une valeur doit avoir une devise."},
	{100, 2804036}: {"Lead id invalid", "The lead id is not valid.", "Identifiant de prospect invalide", "L’identifiant de prospect est invalide."},
	{100, 2804043}: {"Extended device info invalid", "extinfo needs its 16 values.", "Informations d’appareil invalides", "extinfo doit avoir 16 valeurs."},
	{100, 2804050}: {"Customer information insufficient", "The customer information is missing or too broad to match anybody.", "Informations client insuffisantes", "Les informations client sont absentes ou trop larges."},
	{100, 2804063}: {"Messaging channel missing", "A business_messaging event needs a channel.", "Canal manquant", "Le canal de messagerie est absent."},
	{100, 1815356}: {"Events invalid", "The list of offline events is not valid.", "Évènements invalides", "La liste des évènements hors ligne est invalide."},
	{100, 2044011}: {"Progress overlaps", "The range was uploaded before.", "Plage déjà envoyée", "La plage a déjà été envoyée."},
}

func (t words) in(lang string) (title, msg string) {
	if lang == "fr" {
		return t.titleFR, t.msgFR
	}
	return t.title, t.msg
}

var messages = map[int]string{
	1: "An unknown error occurred", 2: "Service temporarily unavailable", 4: "(#4) Application request limit reached",
	10: "(#10) Application does not have permission for this action", 17: "(#17) User request limit reached",
	100: "Invalid parameter", 190: "Error validating access token: the session is not valid any more.",
	104: "Invalid appsecret_proof", 200: "(#200) Permissions error", 80004: "(#80004) There have been too many calls to this ad account.",
	2635: "(#2635) You are calling a deprecated version of the Ads API.", 275: "(#275) Cannot determine the target object for this request.",
}

// envelope is the form of docs/meta.md 6.2.
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
	t := texts[[2]int{f.code, f.subcode}]
	e := envelope{
		Message: cmp.Or(f.text, messages[f.code], "An error occurred"), Type: cmp.Or(f.typ, "OAuthException"),
		Code: f.code, Subcode: f.subcode, Transient: f.transient, FBTraceID: q.call.FBTraceID,
	}
	if f.subcode != 0 && f.code == 100 {
		e.Message = cmp.Or(messages[100]) // the details are in the user texts
	}
	if row, ok := meta.CodeOf(f.code, f.subcode); ok && f.code == meta.InvalidParameter && f.subcode != 0 && f.text == "" && t == (words{}) {
		t.title, t.titleFR = row.Meaning, row.Meaning // a row is enough for an answer
	}
	e.UserTitle, e.UserMsg = t.in(q.set.Language)
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

// errorData is the legacy list of bad events. Members and values are those
// that were observed, the nesting is not (docs/meta.md 6.3 and 10.5).
func (q *request) errorData(f fault) any {
	m := map[string]any{}
	for i, e := range f.list {
		t, msg := texts[[2]int{100, e.subcode}].in(q.set.Language)
		if q.set.Language != "fr" {
			msg = cmp.Or(e.text, msg)
		}
		m[strconv.Itoa(i)] = map[string]any{
			"event_index": e.index, "message": cmp.Or(t, "Invalid parameter") + ": " + msg,
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

// unsupported is 100/33: no such object, no rights, or not an operation of it
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
