package config

import (
	"fmt"
	"slices"
	"strings"

	"relay/internal/strictyaml"
)

// noteReferences records which parts of a setting came through ${…}. Such a value can be
// a secret, whatever the key's name, so it is never shown. Items of a
// list are numbered as they are kept.
func (l *loader) noteReferences(s setting, v strictyaml.Value) {
	note := func(v strictyaml.Value, name string) {
		if ref := l.reference(s.kind, v); ref != "" {
			if l.cfg.references == nil {
				l.cfg.references = map[string]string{}
			}
			l.cfg.references[name] = ref
		}
	}
	each := func(list []strictyaml.Value, name string) {
		n := 0
		for _, item := range list {
			if src, ok := l.sources[item.Path()]; ok && src.empty {
				continue
			}
			note(item, fmt.Sprintf("%s[%d]", name, n))
			n++
		}
	}
	switch s.kind {
	case kindTexts, kindSecrets:
		each(v.OneOrList(), s.key)
	case kindColumns:
		if v.Kind() != strictyaml.ObjectKind {
			return
		}
		o, _ := v.Object()
		n := 0
		for _, f := range o.Fields() {
			for _, item := range f.Value.OneOrList() {
				note(item, fmt.Sprintf("%s[%d]", s.key, n))
				n++
			}
		}
	case kindKeys:
		l.noteKeyReferences(s, v, note, each)
	default:
		note(v, s.key)
	}
}

func (l *loader) noteKeyReferences(s setting, v strictyaml.Value, note func(strictyaml.Value, string), each func([]strictyaml.Value, string)) {
	if v.Kind() != strictyaml.ListKind {
		return
	}
	items, _ := v.List()
	n := 0
	for _, item := range items {
		if item.Kind() != strictyaml.ObjectKind {
			continue
		}
		o, _ := item.Object()
		key, ok := o.Field("key")
		_, hashed := o.Field("key_hash")
		if src, expanded := l.sources[key.Path()]; !ok && !hashed || ok && expanded && src.empty {
			continue
		}
		name := fmt.Sprintf("%s[%d]", s.key, n)
		if ok {
			note(key, name+".key")
		}
		if events, ok := o.Field("events"); ok {
			each(events.OneOrList(), name+".events")
		}
		n++
	}
}

// reference returns what is shown instead of a value that came through ${…}, or
// "" for any other value. Text beside a reference can belong to a secret.
func (l *loader) reference(k kind, v strictyaml.Value) string {
	src := l.sources[v.Path()]
	if src.kind == "" {
		return ""
	}
	var shown strings.Builder
	alone := true
	for text := src.written; text != ""; {
		i := strings.Index(text, "${")
		if i < 0 {
			i = len(text)
		}
		alone = alone && i == 0
		if i > 0 && i < len(text) && text[i-1] == '$' { // $${ is a plain ${
			shown.WriteString(text[:i+2])
			text = text[i+2:]
			continue
		}
		shown.WriteString(text[:i])
		if text = text[i:]; text == "" {
			break
		}
		ref, n, err := parseReference(text)
		if err != nil {
			return hidden
		}
		fmt.Fprintf(&shown, "${%s:%s}", ref.kind, ref.name)
		text = text[n:]
	}
	if !alone && slices.Contains([]kind{kindSecret, kindSecrets, kindKeys, kindURL, kindWebhook}, k) {
		return hidden
	}
	return shown.String()
}
