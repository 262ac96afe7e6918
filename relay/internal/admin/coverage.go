package admin

import (
	"bytes"
	"strings"
	"time"

	"relay/mapper"
	"relay/relay/internal/drain"
)

// Counted is a mapping that counts which match keys the conversions it makes
// carry. It goes between mapper and
// drain. A conversion mapped twice (a request built again after a restart) is
// counted twice; the shares are what matters.
func (m *Metrics) Counted(in drain.Mapping) drain.Mapping {
	if in == nil {
		return nil
	}
	return counted{in, m}
}

type counted struct {
	drain.Mapping
	m *Metrics
}

func (c counted) MapLane(ev mapper.Event, eventSet string, now time.Time, ages bool) []mapper.Outcome {
	outs := c.Mapping.MapLane(ev, eventSet, now, ages)
	for i := range outs {
		c.m.count(&outs[i])
	}
	return outs
}

// matchKeyNames are the keys that coverage shows, under their names in the
// mapping file, with those of the two wire formats.
var matchKeyNames = []struct{ name, conversions, offline string }{
	{"email", "em", "email"},
	{"phone", "ph", "phone"},
	{"first_name", "fn", "fn"},
	{"last_name", "ln", "ln"},
	{"gender", "ge", "gen"},
	{"city", "ct", "ct"},
	{"state", "st", "st"},
	{"zip", "zp", "zip"},
	{"country", "country", "country"},
	{"external_id", "external_id", "extern_id"},
	{"lead_id", "lead_id", "lead_id"},
	{"date_of_birth", "db", "doby"},
}

func (m *Metrics) count(o *mapper.Outcome) {
	if o.Kind != mapper.Send {
		return
	}
	sent := matchKeysOf(o.Conversion)
	for i, k := range matchKeyNames {
		result := resultMissing
		switch {
		case sent&(1<<i) != 0:
			result = resultSent
		case unusable(o.Notes, k.name):
			result = resultUnusable
		}
		m.keyCounters[i][result].Inc()
	}
}

const (
	resultSent = iota
	resultMissing
	resultUnusable
)

// resultNames are the label values.
var resultNames = [3]string{"sent", "missing", "unusable"}

// matchKeyAt is the place in matchKeyNames of a name on the wire.
var matchKeyAt = func() map[string]int {
	at := map[string]int{}
	for i, k := range matchKeyNames {
		at[k.conversions], at[k.offline] = i, i
	}
	return at
}()

// matchKeysOf says which match keys a conversion carries, a bit for each of
// matchKeyNames. It looks for the texts in the object of match keys that a
// colon follows; the object is flat, and its values are hashes, digits and,
// offline, an external id in which a quote is escaped.
func matchKeysOf(conversion []byte) (sent uint16) {
	_, rest, ok := bytes.Cut(conversion, []byte(`"user_data":{`))
	if !ok {
		if _, rest, ok = bytes.Cut(conversion, []byte(`"match_keys":{`)); !ok {
			return 0
		}
	}
	for {
		quote := bytes.IndexByte(rest, '"')
		if quote < 0 || bytes.IndexByte(rest[:quote], '}') >= 0 {
			return sent
		}
		rest = rest[quote+1:]
		end := textEnd(rest)
		if end < 0 {
			return sent
		}
		if end+1 < len(rest) && rest[end+1] == ':' {
			if i, ok := matchKeyAt[string(rest[:end])]; ok {
				sent |= 1 << i
			}
		}
		rest = rest[end+1:]
	}
}

// textEnd is the place of the quote that ends a JSON text, or -1.
func textEnd(b []byte) int {
	for at := 0; ; at++ {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		slashes := 0
		for slashes < at && b[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
	}
}

// unusable reports whether a note says that a value for the key was there and
// left out: codes of keys begin with the key's name, or the field ends in it.
func unusable(notes []mapper.Note, key string) bool {
	for _, n := range notes {
		if strings.HasPrefix(n.Code, key+"_") {
			return true
		}
		last := n.Field[strings.LastIndexByte(n.Field, '.')+1:]
		if name, ok := traitKeys[last]; ok && name == key {
			return true
		}
	}
	return false
}

// traitKeys are the last words of the usual sources, by key.
var traitKeys = map[string]string{
	"email": "email", "phone": "phone", "firstName": "first_name", "first_name": "first_name",
	"lastName": "last_name", "last_name": "last_name", "name": "last_name", "gender": "gender", "city": "city", "state": "state",
	"postalCode": "zip", "postal_code": "zip", "zip": "zip", "country": "country", "userId": "external_id",
	"leadId": "lead_id", "birthday": "date_of_birth",
}
