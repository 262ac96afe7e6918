package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"relay/internal/strictyaml"
)

// setDefault sets the table's default in c. A default that does not parse is
// a mistake in the table, which the tests find.
func (s setting) setDefault(c *Config) error {
	if s.def == "" {
		return nil
	}
	text := s.def
	var err error
	switch p := s.at(c).(type) {
	case *string:
		*p = text
	case *Full:
		*p = Full(text)
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *int:
		*p, err = strconv.Atoi(text)
	case *float64:
		*p, err = strconv.ParseFloat(text, 64)
	case *time.Duration:
		*p, err = strictyaml.ParseDuration(text)
	case *uint32:
		*p, err = parseMode(text)
	case *int64:
		switch {
		case text == s.auto:
			*p = 0
		case s.kind == kindSize:
			*p, err = strictyaml.ParseSize(text)
		default:
			*p, err = strconv.ParseInt(text, 10, 64)
		}
	default:
		err = fmt.Errorf("type %T has no default", p)
	}
	if err != nil {
		return fmt.Errorf("default of %s: %w", s.key, err)
	}
	return nil
}

// read sets the file's value in c and reports problems with it. dir is
// the file's directory.
func (s setting) read(c *Config, v strictyaml.Value, dir string) {
	switch p := s.at(c).(type) {
	case *string:
		if text, ok := v.Text(); ok {
			*p = strings.TrimSpace(text)
			if s.kind == kindPath {
				*p = resolvePath(dir, *p)
			}
			s.checkChoice(v, *p)
		}
	case *Full:
		if text, ok := v.Text(); ok {
			*p = Full(text)
			s.checkChoice(v, text)
		}
	case *Secret:
		if v.IsNull() {
			return
		}
		if text, ok := v.Text(); ok {
			*p = readSecret(v, text)
		}
	case *[]Secret:
		*p = nil
		for _, item := range v.OneOrList() {
			if text, ok := item.Text(); ok && text != "" {
				*p = append(*p, readSecret(item, text))
			}
		}
	case *[]Key:
		*p = readKeys(v)
	case *[]SpoolColumn:
		*p = readColumns(v)
	case *[]string:
		*p = nil
		for _, item := range v.OneOrList() {
			text, ok := item.Text()
			switch {
			case ok && text == "" && !item.IsExpanded():
				item.Errorf("is empty").WithHint("give it a value or remove it")
			case ok && text != "":
				*p = append(*p, text)
			}
		}
	case *bool:
		if b, ok := v.Bool(); ok {
			*p = b
		}
	case *int:
		if n, ok := v.Int(); ok && s.inRange(v, float64(n)) {
			*p = int(n)
		}
	case *int64:
		if s.auto != "" {
			if text, ok := textOf(v); ok && text == s.auto {
				*p = 0
				return
			}
		}
		n, ok := int64(0), false
		if s.kind == kindSize {
			n, ok = v.Size()
		} else {
			n, ok = v.Int()
		}
		if ok && s.inRange(v, float64(n)) {
			*p = n
		}
	case *float64:
		if f, ok := v.Float(); ok && s.inRange(v, f) {
			*p = f
		}
	case *time.Duration:
		if d, ok := v.Duration(); ok && s.inRange(v, float64(d)) {
			*p = d
		}
	case *uint32:
		if text, ok := v.Text(); ok {
			mode, err := parseMode(text)
			if err != nil {
				v.Errorf("expected a file mode such as 0660, found %s", v.Written()).WithHint("write three or four octal digits")
				return
			}
			*p = mode
		}
	}
}

// textOf returns a scalar's text without reporting a problem.
func textOf(v strictyaml.Value) (string, bool) {
	if v.Kind() != strictyaml.ScalarKind {
		return "", false
	}
	return v.Text()
}

// loneReference matches a value that is one reference, without text that can be a secret.
var loneReference = regexp.MustCompile(`^"(\$\{(?:env|file|cred):[^:{}]+)(?::-)?\}"$`)

func readSecret(v strictyaml.Value, text string) Secret {
	text = trimmed(text)
	if m, ok := errors.AsType[malformed](flaw(text)); ok {
		from := "this"
		if ref := loneReference.FindStringSubmatch(v.Written()); ref != nil {
			from = ref[1] + "}"
		}
		v.Errorf("%s is not the bare secret: %s", from, m.what).WithHint("%s", m.fix)
		return Secret{}
	}
	return NewSecret(text)
}

// validStore reports whether a text can be a store's name, which appears in metrics and logs.
func validStore(name string) bool {
	n := utf8.RuneCountInString(name)
	return n > 0 && n <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("._-", r)
	})
}

// hashOf returns the hex digits of "sha256:…", empty for any other text.
func hashOf(text string) string {
	digits, ok := strings.CutPrefix(strings.TrimSpace(text), "sha256:")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != 32 {
		return ""
	}
	return strings.ToLower(digits)
}

func readKeys(v strictyaml.Value) []Key {
	items, _ := v.List()
	var keys []Key
	for _, item := range items {
		o, ok := item.Object()
		if !ok {
			continue
		}
		var k Key
		empty := false
		hv, hashed := o.Field("key_hash")
		if hashed {
			if text, ok := hv.Text(); ok {
				if k.Hash = hashOf(text); k.Hash == "" {
					hv.Errorf("expected sha256: and 64 hex digits").WithHint("write sha256: and the digits that this prints: printf %%s KEY | sha256sum")
				}
			}
			if kv, ok := o.Field("key"); ok {
				kv.Errorf("key_hash is set too").WithHint("keep one of the two")
			}
		} else if kv, ok := o.Need("key"); ok {
			if text, ok := kv.Text(); ok {
				k.Key = readSecret(kv, text)
				empty = text == "" && kv.IsExpanded()
				if text == "" && !empty {
					kv.Errorf("is empty").WithHint("make a key: openssl rand -hex 24")
				}
			}
		}
		sv, stored := o.Field("store")
		if stored {
			k.Store, _ = sv.Text()
			if !validStore(k.Store) {
				sv.Errorf("is not a valid store name").WithHint("use up to 64 letters, digits, dots, dashes and underscores, in quotes if it begins with 0")
			}
		}
		need := o.Need
		if stored { // a store can send everything
			need = o.Field
		}
		if ev, ok := need("events"); ok {
			k.Events = ev.Texts()
			if len(k.Events) == 0 {
				ev.Errorf("names no event").WithHint("list the events this key can send, or move it to auth.write_keys")
			}
		}
		if why := WeakToken(k.Key.Reveal()); stored && !k.Key.IsEmpty() && why != "" {
			item.Warnf("the key of this store %s", why).WithHint("make one for each store: openssl rand -hex 24")
		}
		o.Done()
		if !empty && (!k.Key.IsEmpty() || k.Hash != "") {
			keys = append(keys, k)
		}
	}
	return keys
}

func readColumns(v strictyaml.Value) []SpoolColumn {
	o, ok := v.Object()
	if !ok {
		return nil
	}
	var all []SpoolColumn
	for _, f := range o.Fields() {
		items := f.Value.OneOrList()
		if len(items) == 0 {
			f.Value.Errorf("names no column").WithHint("write the column's header, or several joined with +: Date + Time")
		}
		if len(items) > 1 && f.Name != "" {
			f.Value.Errorf("names several columns").WithHint("join them with +: Date + Time")
			continue
		}
		for _, item := range items {
			if text, ok := item.Text(); ok {
				all = append(all, SpoolColumn{Path: f.Name, From: text})
			}
		}
	}
	return all
}

func parseMode(text string) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || n > 0o777 || n == 0 {
		return 0, fmt.Errorf("parse mode %q: want octal digits such as 0660", text)
	}
	return uint32(n), nil
}

func (s setting) checkChoice(v strictyaml.Value, text string) {
	if len(s.choices) == 0 {
		return
	}
	if slices.Contains(s.choices, text) {
		return
	}
	p := v.Errorf("expected %s, found %s", orList(s.choices), v.Written())
	if best := strictyaml.Suggest(text, s.choices); best != "" {
		p.WithHint("did you mean %q?", best)
	}
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// inRange reports a value outside the key's bounds, and returns whether it is inside.
func (s setting) inRange(v strictyaml.Value, n float64) bool {
	for _, bound := range []struct {
		text, words string
		broken      func(limit float64) bool
	}{
		{s.least, "less than", func(limit float64) bool { return n < limit }},
		{s.most, "more than", func(limit float64) bool { return n > limit }},
	} {
		if bound.text == "" {
			continue
		}
		if limit, err := s.parseBound(bound.text); err == nil && bound.broken(limit) {
			p := v.Errorf("%s is %s %s", v.Written(), bound.words, bound.text)
			if s.why != "" {
				p.WithHint("%s", s.why)
			}
			return false
		}
	}
	return true
}

// parseBound parses least or most, in the unit of the key.
func (s setting) parseBound(text string) (float64, error) {
	switch s.kind {
	case kindSize:
		n, err := strictyaml.ParseSize(text)
		return float64(n), err
	case kindDuration:
		d, err := strictyaml.ParseDuration(text)
		return float64(d), err
	default:
		return strconv.ParseFloat(text, 64)
	}
}
