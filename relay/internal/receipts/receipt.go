package receipts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"relay/mapper"
	"relay/relay/internal/drain"
)

// Receipt says what became of one conversion.
type Receipt struct {
	MessageID   string     `json:"message_id"`
	OrderID     string     `json:"order_id,omitempty"`
	Event       string     `json:"event"` // the track call's name
	Name        string     `json:"name"`  // the conversion's
	List        string     `json:"list"`
	EventSet    string     `json:"event_set"`
	API         mapper.API `json:"api"`
	EventTime   time.Time  `json:"event_time"`
	ReceivedAt  time.Time  `json:"received_at"`
	DeliveredAt time.Time  `json:"delivered_at"`
	Request     string     `json:"request"` // names the upload it was part of
	FBTraceID   string     `json:"fbtrace_id"`
	Mapping     string     `json:"mapping"`             // digest
	Ambiguous   bool       `json:"ambiguous,omitempty"` // an earlier attempt with the same data had no answer
}

// entry is one accepted request as it lies in the ledger.
type entry struct {
	At        time.Time  `json:"at"`
	EventSet  string     `json:"set"`
	API       mapper.API `json:"api"`
	Request   string     `json:"req"`
	FBTraceID string     `json:"trace"`
	Mapping   string     `json:"map"`
	Ambiguous bool       `json:"amb,omitempty"`
	Items     []line     `json:"items"`
}

type line struct {
	MessageID string   `json:"m"`
	OrderID   string   `json:"o,omitempty"`
	Event     string   `json:"e"`
	Name      string   `json:"n,omitempty"` // when it is another than Event
	List      string   `json:"l"`
	Time      int64    `json:"t"` // Unix seconds
	Received  int64    `json:"r"` // Unix ms
	People    []string `json:"p,omitempty"`
}

func entryOf(d drain.Delivery) entry {
	e := entry{
		At: d.At, EventSet: d.EventSet, API: d.API, Request: d.Request, FBTraceID: d.FBTraceID, Mapping: d.Mapping,
		Ambiguous: d.Ambiguous, Items: make([]line, len(d.Items)),
	}
	for i, it := range d.Items {
		l := line{
			MessageID: it.MessageID, OrderID: it.OrderID, Event: it.Event, List: it.List,
			Time: it.EventTime.Unix(), Received: it.Received.UnixMilli(), People: people(it.Conversion),
		}
		if it.Name != it.Event {
			l.Name = it.Name
		}
		e.Items[i] = l
	}
	return e
}

func (e *entry) receipt(l line) Receipt {
	r := Receipt{
		MessageID: l.MessageID, OrderID: l.OrderID, Event: l.Event, Name: l.Name, List: l.List, EventSet: e.EventSet, API: e.API,
		EventTime: time.Unix(l.Time, 0).UTC(), ReceivedAt: time.UnixMilli(l.Received).UTC(), DeliveredAt: e.At, Request: e.Request,
		FBTraceID: e.FBTraceID, Mapping: e.Mapping, Ambiguous: e.Ambiguous,
	}
	if r.Name == "" {
		r.Name = l.Event
	}
	return r
}

// keysOfPeople are the match keys by which a person is forgotten, in both wire
// formats. extern_id of the offline format is plain, the others are hashed.
var keysOfPeople = [...]struct {
	name  string // as it is written
	plain bool
}{{`"em"`, false}, {`"external_id"`, false}, {`"email"`, false}, {`"extern_id"`, true}}

// people finds the fingerprints of whom a conversion is about: the texts, or
// lists of texts, behind the keys above, of a key that comes twice the first.
func people(conversion []byte) (out []string) {
	var seen [len(keysOfPeople)]bool
	rest := userData(conversion)
	for {
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			break
		}
		n := textEnd(rest[i:])
		text := rest[i : i+n]
		if rest = rest[i+n:]; len(rest) == 0 || rest[0] != ':' {
			continue
		}
		for k := range keysOfPeople {
			if string(text) == keysOfPeople[k].name && !seen[k] {
				seen[k] = true
				out = appendPeople(out, rest[1:], keysOfPeople[k].plain)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// appendPeople appends the fingerprints of the text, or list of texts, that rest
// begins with.
func appendPeople(out []string, rest []byte, plain bool) []string {
	rest = bytes.TrimLeft(rest, " ")
	list := bytes.HasPrefix(rest, []byte("["))
	rest = bytes.TrimLeft(rest, "[ ")
	for len(rest) > 0 && rest[0] == '"' {
		n := textEnd(rest)
		if n < 2 {
			break
		}
		s := string(rest[1 : n-1])
		if strings.Contains(s, `\`) && json.Unmarshal(rest[:n], &s) != nil {
			break
		}
		if plain && !isHash(s) {
			s = hash(s)
		}
		if s != "" {
			out = append(out, fingerprint(s))
		}
		if rest = bytes.TrimLeft(rest[n:], ", "); !list {
			break
		}
	}
	return out
}

// userData is the flat object of match keys in a conversion, or all of it when
// it has none of the expected shape.
func userData(conversion []byte) []byte {
	for _, name := range [...]string{`"user_data":{`, `"match_keys":{`} {
		_, in, ok := bytes.Cut(conversion, []byte(name))
		if !ok {
			continue
		}
		for i := 0; i < len(in); i++ {
			switch in[i] {
			case '"':
				i += textEnd(in[i:]) - 1
			case '}':
				return in[:i+1]
			case '{': // not flat
				return conversion
			}
		}
	}
	return conversion
}

// textEnd is the length of the JSON text that b begins with.
func textEnd(b []byte) int {
	for at := 1; at < len(b); {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			break
		}
		at += n + 1
		slashes := 0
		for at-2-slashes > 0 && b[at-2-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
	}
	return len(b)
}

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// fingerprint shortens a match key's hash: enough to find it again, too little
// to be of use as a match key.
func fingerprint(matchKey string) string {
	var room [96]byte
	sum := sha256.Sum256(append(append(room[:0], "relay receipt\x00"...), strings.ToLower(matchKey)...))
	return hex.EncodeToString(sum[:6])
}

// append writes e as JSON: what encoding/json would, in a fraction of the time.
func (e *entry) append(b []byte) ([]byte, error) {
	head := *e
	head.Items = nil
	h, err := json.Marshal(&head)
	if err != nil {
		return b, fmt.Errorf("encode receipt: %w", err)
	}
	b = append(b, bytes.TrimSuffix(h, []byte("null}"))...)
	text := func(key, s string) {
		b = append(b, key...)
		b, _ = jsontext.AppendQuote(b, s) // an error is invalid UTF-8, which it mends
	}
	b = append(b, '[')
	for i := range e.Items {
		l := &e.Items[i]
		if i > 0 {
			b = append(b, ',')
		}
		text(`{"m":`, l.MessageID)
		if l.OrderID != "" {
			text(`,"o":`, l.OrderID)
		}
		text(`,"e":`, l.Event)
		if l.Name != "" {
			text(`,"n":`, l.Name)
		}
		text(`,"l":`, l.List)
		b = strconv.AppendInt(append(b, `,"t":`...), l.Time, 10)
		b = strconv.AppendInt(append(b, `,"r":`...), l.Received, 10)
		for n, p := range l.People {
			if n == 0 {
				text(`,"p":[`, p)
			} else {
				text(`,`, p)
			}
		}
		if len(l.People) > 0 {
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, "]}"...), nil
}

// fingerprints are all that ids and e-mail addresses of a person can have left.
func fingerprints(ids, emails []string) map[string]bool {
	out := map[string]bool{}
	add := func(s string) {
		if s == "" {
			return
		}
		out[fingerprint(hash(s))] = true
		if isHash(s) {
			out[fingerprint(s)] = true
		}
	}
	for _, s := range ids {
		add(strings.TrimSpace(s))
	}
	for _, s := range emails {
		add(strings.ToLower(strings.TrimSpace(s)))
	}
	return out
}
