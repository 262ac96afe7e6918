package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	creds := t.TempDir()
	write(t, filepath.Join(dir, "token"), "from-file\r\n\n")
	write(t, filepath.Join(dir, "bom"), "\ufeffx\n")
	write(t, filepath.Join(dir, "empty"), "\n")
	write(t, filepath.Join(dir, "inject"), "${env:A}")
	write(t, filepath.Join(creds, "api"), "from-credential\n")
	env := map[string]string{"A": "a", "EMPTY": "", "INJECT": "${env:A}", "CREDENTIALS_DIRECTORY": creds}
	e := expander{dir: dir, lookupEnv: func(n string) (string, bool) { v, ok := env[n]; return v, ok }}
	for text, want := range map[string]string{
		"":                                "",
		"plain $ text $5 $$":              "plain $ text $5 $$",
		"${env:A}":                        "a",
		"x${env:A}y${env:A}z":             "xayaz",
		"${env:A:-d}":                     "a",
		"${env:B:-d}":                     "d",
		"${env:B:-}":                      "",
		"${env:EMPTY}":                    "",
		"${env:EMPTY:-d}":                 "d",
		"${env:B:-${env:A}}":              "a",
		"${env:B:-${env:C:-deep}}":        "deep",
		"${env:A:-${env:UNSET}}":          "a", // an unused default is not expanded
		"${env:B:-a:-b}":                  "a:-b",
		"${env:B:-http://h:1}":            "http://h:1",
		"${env:A:?must}":                  "a",
		"$${env:A}":                       "${env:A}",
		"$${env:A} ${env:A} $${":          "${env:A} a ${",
		"${env:INJECT}":                   "${env:A}", // the result is not expanded again
		"${file:inject}":                  "${env:A}",
		"${file:token}":                   "from-file",
		"${file:" + dir + "/token}":       "from-file",
		"${file:bom}":                     "x",
		"${file:empty:-d}":                "d",
		"${file:none:-d}":                 "d",
		"${cred:api}":                     "from-credential",
		"${cred:none:-${file:token}}":     "from-file",
		"Bearer ${file:token}/${env:A}$x": "Bearer from-file/a$x",
	} {
		got, _, err := e.expand(text)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "large"), strings.Repeat("x", maxSecretFile+1))
	write(t, filepath.Join(dir, "binary"), "\xff\xfe")
	e := expander{dir: dir, lookupEnv: func(string) (string, bool) { return "", false }}
	for text, want := range map[string]string{
		"${env:A}":                      "${env:A}: the environment variable is not set; set it, or add a default with :-",
		"${env:A:?}":                    "${env:A}: it must be set",
		"${env:A:?say why}":             "${env:A}: say why",
		"${env:A:-${env:B}}":            "${env:B}: the environment variable is not set; set it, or add a default with :-",
		"${env:A":                       `"${" has no closing "}"; write $${ if it is meant as text`,
		"${env:A:-${env:B}":             `"${" has no closing "}"; write $${ if it is meant as text`,
		"${env:A B}":                    "${env:A B}: this is not the name of an environment variable; use letters, digits and _",
		"${file:}":                      "${file} is unknown (known: ${env:NAME}, ${file:PATH}, ${cred:NAME}); write $${ if it is meant as text",
		"${file::-x}":                   "${file:}: the name is missing; write it after the colon",
		"${file:none}":                  "${file:none}: the file does not exist",
		"${file:large}":                 "${file:large}: the file is larger than 65536 bytes; write only the value there",
		"${file:binary}":                "${file:binary}: the file is UTF-16, as written by > in Windows PowerShell; save it as UTF-8: Set-Content -Encoding ascii",
		"${cred:a/b}":                   "${cred:a/b}: this is not the name of a credential; use letters, digits, _, . and -",
		"${cred:a}":                     "${cred:a}: CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential=",
		"${A}":                          "${A} is unknown (known: ${env:NAME}, ${file:PATH}, ${cred:NAME}); write ${env:A}, or $${A} if it is meant as text",
		strings.Repeat("${env:A:-", 20): `"${" has no closing "}"; write $${ if it is meant as text`,
		strings.Repeat("${env:A:-", 20) + strings.Repeat("}", 20): "${…} is nested more than 8 deep; write the default as plain text",
	} {
		if got, _, err := e.expand(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %q, %v; want %s", text, got, err, want)
		}
	}
}

func TestReadSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if _, err := ReadSecretFile(path); err == nil || err.Error() != "read "+path+": the file does not exist" {
		t.Errorf("got %v", err)
	}
	write(t, path, "abc\n")
	s, err := ReadSecretFile(path)
	if err != nil || s.Reveal() != "abc" {
		t.Errorf("got %q, %v", s.Reveal(), err)
	}
	write(t, path, "hunter2 hunter2\n")
	if _, err := ReadSecretFile(path); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// The warnings of Load have a position. A token file that does not exist yet must not stop intake.
func TestLoadWarnings(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // otherwise no other user could reach the file
	file := filepath.Join(dir, "relay.yaml")
	write(t, filepath.Join(dir, "open"), "abc\n")
	must(t, os.Chmod(filepath.Join(dir, "open"), 0o644))
	write(t, filepath.Join(dir, "closed"), "abc\n")
	for text, want := range map[string]string{
		"graph: { access_token_file: none }":          file + ":1:29: graph.access_token_file: read " + dir + "/none: the file does not exist",
		"graph: { access_token_file: open }":          file + ":1:29: graph.access_token_file: every user of this machine can read the secret in " + dir + "/open",
		"graph: { access_token_file: closed }":        "",
		"graph: { access_token: \"${file:open}\" }":   file + ":1:24: graph.access_token: every user of this machine can read the secret in " + dir + "/open",
		"graph: { access_token: \"${file:closed}\" }": "",
		"graph: { access_token: abc }":                "",
		"queue: { no_sync: true }":                    file + ":1:19: queue.no_sync: events are answered 200 before they are on disk; a power cut loses them",
		"rate: { requests_per_second: 0 }":            file + ":1:30: rate.requests_per_second: 0 means that nothing is uploaded",
		"auth: { write_keys: [a, b, a] }":             file + ":1:21: auth.write_keys: the same key is listed twice",
	} {
		write(t, file, text+"\n")
		c, warnings, err := Load(file, environment(nil))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		for _, w := range warnings {
			got += w.Error()
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if strings.Contains(text, "open") && c.Graph.AccessToken.Reveal() != "abc" {
			t.Errorf("%s: the token is %q", text, c.Graph.AccessToken.Reveal())
		}
	}
	must(t, os.Chmod(file, 0o644))
	write(t, file, "graph: { access_token: abc }\n")
	_, warnings, err := Load(file, environment(nil))
	must(t, err)
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "every user of this machine can read the secret in "+file) {
		t.Errorf("a token in a world-readable relay.yaml: %v", warnings)
	}
}
