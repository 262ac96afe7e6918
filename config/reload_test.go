package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanged(t *testing.T) {
	parse := func(text string) *Config {
		c, _, err := Parse("relay.yaml", []byte(text), environment(map[string]string{"T": "one", "U": "two"}))
		must(t, err)
		return c
	}
	old := parse("graph: { access_token: \"${env:T}\" }\nauth: { write_keys: [a] }\n")
	hot, cold := Changed(old, parse("graph: { access_token: \"${env:T}\" }\nauth: { write_keys: [a] }\n"))
	if len(hot)+len(cold) > 0 {
		t.Errorf("nothing changed: %v %v", hot, cold)
	}
	hot, cold = Changed(old, parse("graph: { access_token: \"${env:U}\" }\nauth: { write_keys: [b] }\nlisten: 127.0.0.1:1\nrate: { burst: 5 }\nqueue: { max_size: 1GiB }\n"))
	if d := cmp.Diff([]string{"auth.write_keys", "graph.access_token", "rate.burst"}, hot); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"listen", "queue.max_size"}, cold); d != "" {
		t.Error(d)
	}
}

// NeedsRestart agrees with the column live in the reference.
func TestNeedsRestart(t *testing.T) {
	for _, s := range settings() {
		if NeedsRestart(s.key) != !s.hot {
			t.Errorf("%s: %v", s.key, NeedsRestart(s.key))
		}
	}
	if NeedsRestart("graph.facebook.com") || NeedsRestart("graph") {
		t.Error("a text that is not a key needs a restart")
	}
}

// After a reload exactly the live keys have their new values, for every key of the table.
func TestReloaded(t *testing.T) {
	for _, s := range settings() {
		if s.key == "mapping" || s.key == "forward.url" {
			continue // TestReloadedKind
		}
		started, now := Default("."), Default(".")
		v := reflect.ValueOf(s.at(now)).Elem()
		alter(t, v)
		now.origins[s.key] = Origin{Kind: FromFile, Line: 7}
		live := started.Reloaded(now)
		hot, cold := Changed(started, live)
		if got := len(hot) == 1 && len(cold) == 0 && hot[0] == s.key; got != s.hot || !s.hot && len(hot)+len(cold) > 0 {
			t.Errorf("%s (live: %v): changed %v, and without a restart %v", s.key, s.hot, hot, cold)
		}
		if got := live.origins[s.key].Line == 7; got != s.hot {
			t.Errorf("%s: the origin is %v", s.key, live.origins[s.key])
		}
		if reflect.ValueOf(s.at(started)).Elem().Interface() == nil || started.origins[s.key].Line == 7 {
			t.Errorf("%s: the configuration of the start was changed", s.key)
		}
	}
}

// alter sets v to a value other than the default.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("altered")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint32:
		v.SetUint(v.Uint() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
	default:
		if secret, ok := reflect.TypeAssert[*Secret](v.Addr()); ok {
			*secret = NewSecret("altered")
			return
		}
		t.Fatalf("a value of kind %s cannot be altered", v.Kind())
	}
}

// While a change of forward.url waits for a restart, the mapping in force stays.
func TestReloadedKind(t *testing.T) {
	parse := func(text string) *Config {
		c, _, err := Parse("relay.yaml", []byte(text), environment(nil))
		must(t, err)
		return c
	}
	own, other := parse("mapping: a.yaml\n"), parse("mapping: b.yaml\n")
	store := parse("forward: { url: https://hub.example.com, key: k }\n")
	live := own.Reloaded(other)
	if live.Mapping != "b.yaml" {
		t.Errorf("a new mapping: %q", live.Mapping)
	}
	if got := live.Reloaded(store); got.Mapping != "b.yaml" || got.Forward.URL != "" || got.Forward.Key.Reveal() != "k" {
		t.Errorf("a hub that is to forward after its restart: %q %q", got.Mapping, got.Forward.URL)
	}
	if got := store.Reloaded(own); got.Mapping != "" || got.Forward.URL == "" {
		t.Errorf("a store that is to map after its restart: %q %q", got.Mapping, got.Forward.URL)
	}
}

// A key that a reload does not change is shown with the value and reference it had at the start.
func TestReloadedIsShown(t *testing.T) {
	env := environment(map[string]string{"A": "127.0.0.1:1", "B": "127.0.0.1:2", "K": "0123456789abcdef"})
	parse := func(text string) *Config {
		c, _, err := Parse("relay.yaml", []byte(text), env)
		must(t, err)
		return c
	}
	live := parse("listen: ${env:A}\nrate: { burst: 5 }\n").Reloaded(parse("listen: ${env:B}\nrate: { burst: 6 }\nauth: { write_keys: [\"${env:K}\"] }\n"))
	var b bytes.Buffer
	must(t, live.WriteYAML(&b))
	for _, want := range []string{`listen: "${env:A}"`, "burst: 6", "${env:K}"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "${env:B}") {
		t.Errorf("an address that waits for a restart is shown as if it were in use:\n%s", &b)
	}
}
