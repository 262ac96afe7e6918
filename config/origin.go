package config

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OriginKind is the kind of source of a value.
type OriginKind string

// The origins.
const (
	FromDefault    OriginKind = "default"
	FromFile       OriginKind = "file"        // relay.yaml
	FromEnv        OriginKind = "env"         // ${env:NAME}
	FromOtherFile  OriginKind = "secret file" // ${file:PATH} or a …_file key
	FromCredential OriginKind = "cred"        // ${cred:NAME}
)

// Origin is where a value came from.
type Origin struct {
	Kind OriginKind
	Name string // of the variable, file or credential
	Line int    // in relay.yaml; 0: not there
}

// String returns such as "default", "file, line 3" or "env RELAY_WRITE_KEY".
func (o Origin) String() string {
	switch {
	case o.Name != "":
		return string(o.Kind) + " " + o.Name
	case o.Line > 0:
		return fmt.Sprintf("%s, line %d", o.Kind, o.Line)
	}
	return string(o.Kind)
}

// WriteYAML writes the effective configuration as YAML, each line with its
// origin in a comment. Secrets are hidden, so it is for reading.
func (c *Config) WriteYAML(w io.Writer) error {
	var b bytes.Buffer
	section := ""
	for _, s := range settings() {
		sec, name := s.section()
		indent := ""
		if sec != "" {
			indent = strings.Repeat("  ", strings.Count(sec, ".")+1)
		}
		if sec != section {
			section = sec
			_, inner, nested := strings.Cut(sec, ".")
			if !nested {
				inner = sec
			}
			fmt.Fprintf(&b, "%s%s:\n", indent[2:], inner)
		}
		line := indent + name + ": " + c.shown(s)
		fmt.Fprintf(&b, "%-50s # %s\n", line, c.origins[s.key])
	}
	_, err := w.Write(b.Bytes())
	return err
}

// shown returns a setting for display. Of a value that came through ${…} it shows only
// the reference, whatever the kind of setting.
func (c *Config) shown(s setting) string {
	if ref, ok := c.references[s.key]; ok {
		return quoteYAML(ref)
	}
	texts, isList := s.at(c).(*[]string)
	secrets, isSecrets := s.at(c).(*[]Secret)
	var items []string
	switch {
	case isList:
		items = slices.Clone(*texts)
	case isSecrets:
		for _, k := range *secrets {
			items = append(items, k.String())
		}
	case s.kind == kindKeys:
		for i, k := range *s.at(c).(*[]Key) {
			name := fmt.Sprintf("%s[%d]", s.key, i)
			items = append(items, c.shownKey(name, k))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case s.kind == kindColumns:
		return c.shownColumns(s.key, *s.at(c).(*[]SpoolColumn))
	default:
		return s.show(c)
	}
	return c.shownList(s.key, items)
}

// shownKey returns an entry of auth.keys for display. A hash is not a secret.
func (c *Config) shownKey(name string, k Key) string {
	var parts []string
	if key, ok := c.references[name+".key"]; ok {
		parts = append(parts, "key: "+quoteYAML(key))
	} else if k.Hash != "" {
		parts = append(parts, "key_hash: sha256:"+k.Hash)
	} else {
		parts = append(parts, "key: "+quoteYAML(k.Key.String()))
	}
	if k.Store != "" {
		parts = append(parts, "store: "+strconv.Quote(k.Store))
	}
	if len(k.Events) > 0 {
		parts = append(parts, "events: "+c.shownList(name+".events", slices.Clone(k.Events)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// shownColumns returns which column fills each field, and which are left out.
func (c *Config) shownColumns(name string, all []SpoolColumn) string {
	var items, out []string
	for i, col := range all {
		from := col.From
		if ref, ok := c.references[fmt.Sprintf("%s[%d]", name, i)]; ok {
			from = ref
		}
		if col.Path == "" {
			out = append(out, from)
		} else {
			items = append(items, strconv.Quote(col.Path)+": "+quoteYAML(from))
		}
	}
	if len(out) > 0 {
		items = append(items, `"": `+listYAML(out))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// shownList returns a list for display, with the reference instead of each item that
// came through ${…}.
func (c *Config) shownList(name string, items []string) string {
	for i := range items {
		if ref, ok := c.references[fmt.Sprintf("%s[%d]", name, i)]; ok {
			items[i] = ref
		}
	}
	return listYAML(items)
}

// show returns the value as it would be written in the file, on one line.
func (s setting) show(c *Config) string {
	switch p := s.at(c).(type) {
	case *string:
		if s.kind == kindURL || s.kind == kindWebhook {
			return quoteYAML(withoutPassword(*p, s.kind == kindWebhook))
		}
		return quoteYAML(*p)
	case *Full:
		return string(*p)
	case *Secret:
		return quoteYAML(p.String())
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *float64:
		return strconv.FormatFloat(*p, 'f', -1, 64)
	case *time.Duration:
		return durationText(*p)
	case *uint32:
		return fmt.Sprintf("%04o", *p)
	case *int64:
		switch {
		case s.auto != "" && *p == 0:
			return s.auto
		case s.kind == kindSize:
			return sizeText(*p)
		}
		return strconv.FormatInt(*p, 10)
	}
	return ""
}

func listYAML(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quoteYAML(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quoteYAML quotes text where YAML would read it as something else.
func quoteYAML(text string) string {
	if text == "" {
		return `""`
	}
	if strings.ContainsAny(text, "\"'\\#{}[],&*!|>%@`\n\t\r") || strings.Contains(text, ": ") ||
		strings.HasSuffix(text, ":") || strings.TrimSpace(text) != text || strings.HasPrefix(text, "-") || strings.HasPrefix(text, "?") {
		return strconv.Quote(text)
	}
	return text
}

// withoutPassword hides the secret parts of a URL: user and password, and
// the path and query of a webhook.
func withoutPassword(text string, webhook bool) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	out := *u
	if out.User != nil {
		out.User = url.User("SECRET")
	}
	if webhook {
		out.Path, out.RawPath, out.RawQuery, out.Fragment = "/SECRET", "", "", ""
	}
	if out == *u {
		return text
	}
	return strings.Replace(out.String(), "SECRET", hidden, 1)
}

// durationText writes a duration as the file would: 62d, 24h, 1m30s.
func durationText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	var b strings.Builder
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"}, {1, "ns"}} {
		if n := d / unit.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d -= n * unit.size
		}
	}
	return b.String()
}

// sizeText writes a size as the file would, exactly.
func sizeText(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}} {
		if n != 0 && n%unit.size == 0 {
			return fmt.Sprintf("%d%s", n/unit.size, unit.name)
		}
	}
	return strconv.FormatInt(n, 10)
}
