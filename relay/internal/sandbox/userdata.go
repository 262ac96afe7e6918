package sandbox

import (
	"net/netip"
	"regexp"
	"strings"
)

// Keys of the Conversions API (docs/meta.md 3.1).
var (
	hashedKeys = names("em", "ph", "fn", "ln", "ge", "db", "doby", "dobm", "dobd", "ct", "st", "zp", "country", "fi",
		"f5first", "f5last", "app_user_id")
	plainKeys = names("external_id", "lead_id", "madid", "client_ip_address", "client_user_agent", "fbc", "fbp",
		"subscription_id", "fb_login_id", "anon_id", "page_id", "page_scoped_user_id", "ctwa_clid", "ig_account_id", "ig_sid", "whatsapp_business_account_id")
)

// hashForm is a SHA-256 in lower-case hex; Meta's own library adds a dot and
// eight characters (docs/meta.md 3.3, 9.13).
var hashForm = regexp.MustCompile(`^[0-9a-f]{64}(\.[0-9A-Za-z_-]{8})?$`)

// weakSets: keys that all lie within one of these are refused (docs/meta.md
// 3.4).
var weakSets = []map[string]bool{
	names("ct", "country", "st", "zp", "ge", "client_user_agent"),
	names("db", "client_user_agent"),
	names("fn", "ge"),
	names("ln", "ge"),
}

func userDataObject(_ *judge, e *event) *fault {
	m, ok := e.m["user_data"].(map[string]any)
	if !ok {
		return server("user_data", "user_data is required.")
	}
	for k := range m {
		if !hashedKeys[k] && !plainKeys[k] {
			return invalid("user_data", "user_data has a member that is no customer information parameter.")
		}
	}
	return nil
}

func userDataHashed(_ *judge, e *event) *fault {
	m, _ := e.m["user_data"].(map[string]any)
	return hashed(m, hashedKeys, "user_data.", hashForm)
}

// hashed demands text, or a list of texts that is not empty, each a hash. null
// and empty values are refused like text that is none (docs/meta.md 3.4,
// last row).
func hashed(m map[string]any, keys map[string]bool, at string, form *regexp.Regexp) *fault {
	first := ""
	for k, v := range m {
		if !keys[k] || first != "" && k > first {
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

var clickForm = regexp.MustCompile(`^fb\.\d+\.\d+\..+$`)

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
	return plainIn(m, "user_data.")
}

// plainIn judges the keys that are not hashed in either format.
func plainIn(m map[string]any, at string) *fault {
	if v, ok := m["client_ip_address"]; ok {
		if _, err := netip.ParseAddr(str(v)); err != nil {
			return invalid(at+"client_ip_address", "client_ip_address must be an IPv4 or IPv6 address.")
		}
	}
	for _, k := range []string{"client_user_agent", "madid", "subscription_id", "ctwa_clid"} {
		if v, ok := m[k]; ok && str(v) == "" {
			return invalid(at+k, k+" must be text.")
		}
	}
	for _, k := range []string{"fbc", "fbp"} {
		if v, ok := m[k]; ok && !clickForm.MatchString(str(v)) {
			return invalid(at+k, k+" must have the form fb.<index>.<time>.<id>.")
		}
	}
	return nil
}

func notWeak(_ *judge, e *event) *fault {
	m, _ := e.m["user_data"].(map[string]any)
	if len(m) == 0 {
		return &fault{subcode: 2804050, path: "user_data"}
	}
	for _, weak := range weakSets {
		if unknown(m, weak) == "" {
			return &fault{subcode: 2804050, path: "user_data"}
		}
	}
	return nil
}
