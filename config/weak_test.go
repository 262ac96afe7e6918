package config

import (
	"strings"
	"testing"
)

func TestWeakToken(t *testing.T) {
	for token, want := range map[string]string{
		"a":                               "fewer than 16 characters",
		"k3J9x0Qv2LmZt7w":                 "fewer than 16 characters",
		"replace-with-a-long-random-text": "placeholder",
		"Replace_With_A_Long_Random_Text": "placeholder",
		"change-me-change-me":             "placeholder",
		"CHANGEME-CHANGEME":               "placeholder",
		"your-admin-token-here":           "placeholder",
		"relay-password-2026":             "placeholder",
		"1234567890123456":                "placeholder",
		"aaaaaaaaaaaaaaaaaaaa":            "different characters",
		"abababababababababab":            "different characters",
		"k3J9x0Qv2LmZt7wB":                "",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c": "",
		"correct.battery.staple.till":                      "",
	} {
		if got := WeakToken(token); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", token, got, want)
		}
	}
}

// A text that cannot be a token is refused at its position, and the message does not contain it.
func TestWeakAdminTokenIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"admin: { token: tiny-one }\n":                            "admin.token: has fewer than 16 characters",
		"admin: { token: \"${env:T}\" }\n":                        "admin.token: is or contains a placeholder",
		"admin: { listen: 0.0.0.0:1 }\n":                          "admin.token is not set",
		"admin: { listen: 0.0.0.0:1, token: k3J9x0Qv2LmZt7wB }\n": "admin.tls is not set",
		"admin: { tls: { cert: relay.yaml } }\n":                  "admin.tls.cert: admin.tls.key is missing",
		"health: { listen: 127.0.0.1:8586 }\n":                    "the same address as admin.listen",
		"health: { listen: 0.0.0.0:8585 }\n":                      "the same address as listen",
		"admin: { socket: { pth: x } }\n":                         "unknown key \"pth\"",
	} {
		_, _, err := Parse("relay.yaml", []byte(text), environment(map[string]string{"T": "replace-with-a-long-random-text"}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "tiny-one") || strings.Contains(err.Error(), "random-text")) {
			t.Errorf("%s: tells the token: %v", text, err)
		}
	}
	c, _, err := Parse("relay.yaml", []byte("admin: { socket: { path: run/a.sock, group: staff } }\nhealth: { listen: 0.0.0.0:1 }\n"), environment(nil))
	if err != nil || c.Admin.Socket.Path != "run/a.sock" || c.Admin.Socket.Group != "staff" || c.Health.Listen != "0.0.0.0:1" {
		t.Errorf("%v %+v", err, c)
	}
}

// A store's key is sent over the network and grants access, so it must not be guessable.
func TestWeakStoreKeysAreSaid(t *testing.T) {
	const good = "8d1f0c2b7a6e5d4c3b2a19080706f5e4"
	for text, want := range map[string]string{
		"forward: { url: https://hub.example.com, key: x }\n":            "forward.key: has fewer than 16 characters",
		"forward: { url: https://hub.example.com, key: " + good + " }\n": "",
		"auth: { keys: [{ key: y, store: \"1\" }] }\n":                   "the key of this store has fewer than 16 characters",
		"auth: { keys: [{ key: " + good + ", store: \"1\" }] }\n":        "",
		"auth: { keys: [{ key: y, events: [Order Completed] }] }\n":      "",
	} {
		_, warnings, err := Parse("relay.yaml", []byte(text), environment(nil))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		found := false
		for _, w := range warnings {
			found = found || want != "" && strings.Contains(w.Message, want)
			if want == "" && strings.Contains(w.Message, "characters") {
				t.Errorf("%s: %s", text, w.Message)
			}
		}
		if found != (want != "") {
			t.Errorf("%s: %v", text, warnings)
		}
	}
}
