package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A running relay takes over some keys of a changed relay.yaml at once. The others wait for the
// next start.

// Changed compares two configurations and returns the keys that differ: those
// that take effect while relay runs, and those that need a restart.
func Changed(old, now *Config) (hot, restart []string) {
	for _, s := range settings() {
		a, b := reflect.ValueOf(s.at(old)).Elem().Interface(), reflect.ValueOf(s.at(now)).Elem().Interface()
		if reflect.DeepEqual(a, b) {
			continue
		}
		if s.hot {
			hot = append(hot, s.key)
		} else {
			restart = append(restart, s.key)
		}
	}
	return hot, restart
}

// NeedsRestart reports whether a change of key takes effect only when relay starts again. It
// returns false for a text that is not a key.
func NeedsRestart(key string) bool {
	all := settings()
	i := slices.IndexFunc(all, func(s setting) bool { return s.key == key })
	return i >= 0 && !all[i].hot
}

// Reloaded returns the configuration in force once a relay that runs with c has read now: the
// keys that take effect while relay runs are those of now, the others those of c. Files are
// those of now. While a change of forward.url waits for the next start, so does a change of
// mapping, because only one of the two kinds of relay has a mapping.
func (c *Config) Reloaded(now *Config) *Config {
	out := *now
	out.origins, out.references = maps.Clone(now.origins), maps.Clone(now.references)
	otherKind := (c.Forward.URL == "") != (now.Forward.URL == "")
	for _, s := range settings() {
		if s.hot && !(otherKind && s.key == "mapping") {
			continue
		}
		reflect.ValueOf(s.at(&out)).Elem().Set(reflect.ValueOf(s.at(c)).Elem())
		out.origins[s.key] = c.origins[s.key]
		of := func(name, _ string) bool { return name == s.key || strings.HasPrefix(name, s.key+"[") }
		maps.DeleteFunc(out.references, of)
		for name, ref := range c.references {
			if of(name, ref) {
				out.references[name] = ref
			}
		}
	}
	return &out
}
