package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/receipts"
)

// Person says whom to forget. Neither list is ever logged.
type Person struct {
	IDs    []string `json:"ids,omitempty"`    // userId, anonymousId and the like
	Emails []string `json:"emails,omitempty"` // in any case; hashed ones in events are found too
}

// PersonOf sorts lines as `relay forget` reads them: what has an @ is an
// e-mail address, the rest are ids.
func PersonOf(lines []string) Person {
	var p Person
	for _, l := range lines {
		switch l = strings.TrimSpace(l); {
		case l == "":
		case strings.Contains(l, "@"):
			p.Emails = append(p.Emails, l)
		default:
			p.IDs = append(p.IDs, l)
		}
	}
	return p
}

// Match returns what queue.Forget asks of every event. An e-mail address is
// found wherever it stands, whole or as its SHA-256; an id only where ids of
// people stand, for "42" is also a quantity. An e-mail address given as an id
// (a userId that is one) is found by either.
func (p Person) Match() func(queue.Record) bool {
	ids, mails := map[string]bool{}, map[string]bool{}
	for _, id := range p.IDs {
		if id = strings.TrimSpace(id); id != "" {
			ids[id] = true
			ids[sha256Hex(id)] = true
		}
	}
	for _, m := range p.Emails {
		if m = strings.ToLower(strings.TrimSpace(m)); m != "" {
			mails[m] = true
			mails[sha256Hex(m)] = true
		}
	}
	if len(ids)+len(mails) == 0 {
		return func(queue.Record) bool { return false }
	}
	return func(r queue.Record) bool {
		dec := json.NewDecoder(bytes.NewReader(r.Body))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) != nil {
			return textMentions(r.Body, ids, mails)
		}
		return mentions(v, "", false, ids, mails)
	}
}

// idKeys are names, without punctuation and case, of what identifies people.
var idKeys = set("userid anonymousid previousid externalid externid customerid leadid personid profileid memberid loyaltyid " +
	"loyaltynumber membernumber customernumber accountid contactid clientid username login")

// peopleKeys are names of objects whose plain "id" is somebody's.
var peopleKeys = set("traits customer user person profile member contact account buyer client externalids")

func mentions(v any, key string, people bool, ids, mails map[string]bool) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			name := plainKey(k)
			inPeople := people || peopleKeys[name]
			if mentions(e, name, inPeople, ids, mails) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if mentions(e, key, people, ids, mails) {
				return true
			}
		}
	case string:
		s := strings.TrimSpace(v)
		if mails[strings.ToLower(s)] {
			return true
		}
		return ids[s] && (idKeys[key] || people && key == "id")
	case json.Number:
		return ids[v.String()] && (idKeys[key] || people && key == "id")
	}
	return false
}

// textMentions looks into a message that is not JSON, where all that can be
// said is whether the text stands in it.
func textMentions(body []byte, ids, mails map[string]bool) bool {
	text := strings.ToLower(strings.ToValidUTF8(string(body), string(utf8.RuneError)))
	for m := range mails {
		if strings.Contains(text, m) {
			return true
		}
	}
	for id := range ids {
		if len(id) >= 6 && strings.Contains(text, strings.ToLower(id)) {
			return true
		}
	}
	return false
}

func plainKey(k string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(k))
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// forgotten says how much of a person was removed, and where nobody could look:
// in receipts, unsearched of them.
func forgotten(n, unsearched int) string {
	switch {
	case unsearched == 0 && n == 0:
		return "nothing found: neither queue nor dead letters nor receipts hold anything of this person"
	case unsearched == 0:
		return fmt.Sprintf("%d removed from queue, dead letters and receipts", n)
	}
	return fmt.Sprintf("%d removed; %d receipts could not be searched, because they were fingerprinted with a secret that is not there any more: "+
		"put the file `secret` of a backup back and do this again, or remove the receipts", n, unsearched)
}

// forget removes a person from the queue and the dead letters.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	var p Person
	if err := readJSON(w, r, &p); err != nil {
		s.fail(w, err)
		return
	}
	if len(p.IDs)+len(p.Emails) == 0 {
		s.fail(w, badf("ids or emails: nobody given"))
		return
	}
	n := 0
	remove := func() (err error) {
		var more int
		more, err = s.o.Queue.Forget(p.Match())
		n += more
		return err
	}
	var err error
	if s.o.Drain != nil {
		err = s.o.Drain.Forget(remove)
	}
	if err == nil {
		err = remove() // with lanes at work once more: of what one stored in the very moment
	}
	var more receipts.Forgotten
	if err == nil && s.o.Forget != nil {
		more, err = s.o.Forget(r.Context(), p)
		n += more.Removed
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.o.Logger.Warn("person forgotten by an operator", "code", logs.PersonForgotten, "removed", n, "unsearched", more.Unsearched)
	writeJSON(w, http.StatusOK, Done{Success: true, Message: forgotten(n, more.Unsearched), Count: int64(n)})
}
