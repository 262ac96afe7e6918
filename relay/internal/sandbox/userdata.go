package sandbox

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"relay/internal/meta"
)

// userKeys are the members of user_data, matchedKeys those of match_keys in the offline
// format (internal/meta; docs/meta.md 3.1).
var userKeys, matchedKeys = func() (user, matched map[string]meta.Key) {
	user, matched = map[string]meta.Key{}, map[string]meta.Key{}
	for _, k := range meta.Keys() {
		if k.Conversions != "" {
			user[k.Conversions] = k
		}
		for _, name := range k.Offline {
			matched[name] = k
		}
	}
	return user, matched
}()

// hashForm is a SHA-256 in lower-case hex; Meta's own library adds a dot and
// eight characters (docs/meta.md 3.3, 9.13).
var hashForm = regexp.MustCompile(`^[0-9a-f]{64}(\.[0-9A-Za-z_-]{8})?$`)

func userDataObject(_ *judge, e *event) *fault {
	m, ok := e.m["user_data"].(map[string]any)
	if !ok {
		return server("user_data", "user_data is required.")
	}
	for k := range m {
		if _, known := userKeys[k]; !known {
			return invalid("user_data", "user_data has a member that is no customer information parameter.")
		}
	}
	return nil
}

func userDataHashed(_ *judge, e *event) *fault {
	m, _ := e.m["user_data"].(map[string]any)
	return hashed(m, userKeys, "user_data.", hashForm)
}

// hashed requires a text or a non-empty list of texts, each a hash. null
// and empty values are refused like other text (docs/meta.md 3.4,
// last row).
func hashed(m map[string]any, keys map[string]meta.Key, at string, form *regexp.Regexp) *fault {
	first := ""
	for k, v := range m {
		if keys[k].Hash != meta.Hashed || first != "" && k > first {
			continue
		}
		list, ok := textList(v)
		bad := !ok || len(list) == 0
		for _, s := range list {
			bad = bad || !form.MatchString(s)
		}
		if bad {
			first = k
		}
	}
	if first == "" {
		return nil
	}
	return &fault{subcode: 2804016, path: at + first, text: "The customer information parameter " + first + " is not hashed."}
}

func leadID(_ *judge, e *event) *fault {
	m, _ := e.m["user_data"].(map[string]any)
	return leadIn(m, "user_data.lead_id")
}

func leadIn(m map[string]any, at string) *fault {
	v, ok := m["lead_id"]
	if n, isWhole := whole(v); ok && (!isWhole || n <= 0) {
		return &fault{subcode: 2804036, path: at}
	}
	return nil
}

func userDataPlain(_ *judge, e *event) *fault {
	m, _ := e.m["user_data"].(map[string]any)
	if v, ok := m["external_id"]; ok {
		list, isText := textList(v)
		if !isText || len(list) == 0 {
			return invalid("user_data.external_id", "external_id must be text or a list of texts.")
		}
		for _, s := range list {
			if strings.TrimSpace(s) == "" {
				return invalid("user_data.external_id", "external_id must not be empty.")
			}
		}
	}
	return plainIn(m, userKeys, "user_data.")
}

// plainIn checks the keys that are not hashed in either format, except lead_id.
func plainIn(m map[string]any, keys map[string]meta.Key, at string) *fault {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		key := keys[k]
		text := str(m[k])
		if key.Form == meta.WholeNumber {
			text = plain(m[k]) // Meta's libraries write it as text
		}
		if key.Hash == meta.Unhashed && key.Form != meta.LeadID && !key.Form.Fits(text) {
			return invalid(at+k, k+" must be "+key.Form.String()+".")
		}
	}
	return nil
}

func notWeak(_ *judge, e *event) *fault {
	m, _ := e.m["user_data"].(map[string]any)
	if len(m) == 0 {
		return &fault{subcode: 2804050, path: "user_data"}
	}
	for _, weak := range meta.WeakSets() {
		if unknown(m, names(weak.Keys...)) == "" {
			return &fault{subcode: 2804050, path: "user_data"}
		}
	}
	return nil
}
