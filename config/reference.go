package config

import (
	"fmt"
	"strings"
)

// Reference returns the reference of relay.yaml as Markdown: every key, its
// type, default, bounds and meaning, and whether a change takes effect while
// relay runs.
func Reference() string {
	var b strings.Builder
	b.WriteString("# relay.yaml\n\n")
	b.WriteString("For the person who configures relay: every key of relay.yaml, its default, and what it does. This page is made from the code.\n\n" +
		"Values can contain `${env:NAME}`, `${env:NAME:-default}`, `${env:NAME:?message}`, `${file:PATH}` and\n" +
		"`${cred:NAME}` (a file in `$CREDENTIALS_DIRECTORY`). The default replaces an absent or empty value; `$${` is a\n" +
		"plain `${`. relay expands them inside values, never in the text of the file, so a value cannot add keys. Relative paths are\n" +
		"relative to the directory of relay.yaml. Durations are written as `500ms`, `2s`, `10m`, `24h`, `62d`; sizes as `500KB`\n" +
		"(of 1000), `4MiB` (of 1024). *live*: a change takes effect while relay runs; any other change at the next start.\n")
	section := "-"
	for _, s := range settings() {
		sec, _, dotted := strings.Cut(s.key, ".")
		if !dotted {
			sec = ""
		}
		if sec != section {
			section = sec
			title := sec
			if sec == "" {
				title = "At the top"
			}
			fmt.Fprintf(&b, "\n## %s\n\n| key | type | default | live | meaning |\n|---|---|---|---|---|\n", title)
		}
		live := ""
		if s.hot {
			live = "live"
		}
		def := "none"
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.key, s.typeWords(), def, live, strings.ReplaceAll(s.doc, "|", `\|`))
	}
	return b.String()
}

// typeWords returns the type of a key for the reference, with its bounds.
func (s setting) typeWords() string {
	if len(s.choices) > 0 {
		return "`" + strings.Join(s.choices, "`, `") + "`"
	}
	words := map[kind]string{
		kindText: "text", kindPath: "path", kindAddress: "`host:port` or `unix:/path`", kindSecret: "secret",
		kindSecrets: "secret or list of them", kindKeys: "list of `{key, key_hash, store, events}`", kindTexts: "text or list of them", kindColumns: "`{path: header}`",
		kindBool: "`true` or `false`", kindWhole: "whole number", kindNumber: "number", kindDuration: "duration",
		kindSize: "size", kindMode: "file mode in octal digits", kindURL: "URL", kindWebhook: "URL",
	}[s.kind]
	if s.auto != "" {
		words += " or `" + s.auto + "`"
	}
	switch {
	case s.least != "" && s.most != "":
		words += fmt.Sprintf(", %s to %s", s.least, s.most)
	case s.least != "":
		words += ", at least " + s.least
	case s.most != "":
		words += ", at most " + s.most
	}
	return words
}
