package config

import (
	"testing"
)

func TestLoadDefaultFile(t *testing.T) {
	cfg, warnings, err := Load("../relay.yaml", Options{LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Errorf("warning: %s", w.Render())
	}
	t.Logf("%+v", cfg)
	for _, s := range cfg.Effective() {
		t.Logf("%s: %s  # %s", s.Key, s.Value, s.Origin)
	}
}
