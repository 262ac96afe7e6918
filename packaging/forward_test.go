package packaging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/config"
)

// The example of a hub and of a store's relay goes through the loader, with the secrets
// and files lying where it says.
func TestForwardExample(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"store-key": "8d1f0c2b7a6e5d4c3b2a19080706f5e4", "meta-token": "token", "hub.crt": "", "hub.key": "", "queue-key": strings.Repeat("ab", 32) + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(name string) *config.Config {
		t.Helper()
		c, warnings, err := config.Parse("/etc/relay/relay.yaml", []byte(strings.NewReplacer("/run/secrets/relay", dir, "/etc/relay/hub.", dir+"/hub.").Replace(read(t, "forward/"+name))), config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range warnings {
			t.Error(name, w)
		}
		return c
	}
	store, hub := load("store.yaml"), load("hub.yaml")
	if store.Forward.URL == "" || store.Forward.Key.Reveal() != "8d1f0c2b7a6e5d4c3b2a19080706f5e4" || store.Forward.Keep == 0 || store.Mapping != "" {
		t.Errorf("the store's: %+v", store.Forward)
	}
	if len(hub.Auth.Keys) != 2 || hub.Auth.Keys[0].Store != "0042" || hub.Forward.URL != "" || hub.Mapping == "" {
		t.Errorf("the hub's: %+v", hub.Auth)
	}
}
