package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"relay/internal/strictyaml"
)

// Contents of token files as people and programs write them. SECRET stands for the token, which no
// message must contain.
func TestTokenFiles(t *testing.T) {
	const token = "EAABsecretZZ|x_y-z.1=="
	wide := func(s string, mark bool) string {
		var b strings.Builder
		if mark {
			b.WriteString("\xff\xfe")
		}
		for _, u := range utf16.Encode([]rune(s)) {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
		return b.String()
	}
	for text, want := range map[string]string{ // "": read as SECRET
		"SECRET":                            "",
		"SECRET\n":                          "",
		"SECRET\r\n":                        "",
		"SECRET\n\n":                        "",
		"\ufeffSECRET\r\n":                  "",
		"\"SECRET\"\n":                      "it is in quotes; remove the first and the last character",
		"'SECRET'":                          "it is in quotes",
		"“SECRET”\n":                        "it is in quotes",
		"`SECRET`":                          "it is in quotes",
		"\ufeff\"SECRET\"":                  "it is in quotes",
		"\"SECRET":                          "it begins with a quote; remove the first character",
		"SECRET'":                           "it ends with a quote; remove the last character",
		"META_ACCESS_TOKEN=\n":              "it begins with a name and = or :",
		"META_ACCESS_TOKEN=SECRET\n":        "it begins with a name and = or :",
		"META_ACCESS_TOKEN=\"SECRET\"":      "it begins with a name and = or :",
		"export META_ACCESS_TOKEN=SECRET\n": "it begins with a name and = or :",
		"set META_ACCESS_TOKEN=SECRET\r\n":  "it begins with a name and = or :",
		"$env:META_ACCESS_TOKEN = 'SECRET'": "it begins with a name and = or :",
		"access_token: SECRET":              "it begins with a name and = or :",
		"token=SECRET":                      "it begins with a name and = or :",
		"appsecret=SECRET":                  "it begins with a name and = or :",
		"{\"access_token\":\"SECRET\"}\n":   "it begins with a bracket, like JSON",
		"Bearer SECRET\n":                   "it begins with a word such as Bearer and a space",
		"SECRET\nSECRET\n":                  "it has 2 lines; keep only the line with the secret",
		"# from Business Manager\nSECRET\n": "it has 2 lines",
		"SECRET\n \n":                       "it has 2 lines",
		"\nSECRET\n":                        "its first line is empty; remove that line",
		" SECRET":                           "character 1 is a space",
		"SECRET \n":                         "character 23 is a space",
		"EAA SECRET":                        "character 4 is a space",
		"EAA\tSECRET":                       "character 4 is a tab",
		"EAA\u00a0SECRET":                   "character 4 is a no-break space (U+00A0)",
		"EAA\u200bSECRET":                   "character 4 is a zero width space (U+200B)",
		"SECRET\u200b\n":                    "character 23 is a zero width space (U+200B)",
		"\u2060SECRET":                      "character 1 is an invisible character (U+2060)",
		"EAA\ufeffSECRET":                   "character 4 is a byte order mark (U+FEFF)",
		"EAA\u00adSECRET":                   "character 4 is a soft hyphen (U+00AD)",
		"EAA\u202eSECRET":                   "character 4 is an invisible character (U+202E)",
		"EAA\u3164SECRET":                   "character 4 is an invisible character (U+3164)",
		"EAA\ufe0fSECRET":                   "character 4 is an invisible character (U+FE0F)",
		"EAA\x00SECRET":                     "character 4 is a control character (U+0000)",
		wide("SECRET\r\n", true):            "the file is UTF-16, as written by > in Windows PowerShell; save it as UTF-8",
		wide("SECRET\r\n", false):           "the file is UTF-16",
		"EAA\xff\xffSECRET":                 "the file is not UTF-8 text",
	} {
		dir := t.TempDir()
		if strings.Contains(text, "\x00E\x00") || strings.HasPrefix(text, "\xff") || strings.HasPrefix(text, "S\x00") {
			text = strings.ReplaceAll(text, wide("SECRET", false), wide(token, false))
		}
		text = strings.ReplaceAll(text, "SECRET", token)
		path := filepath.Join(dir, "token")
		write(t, path, text)
		write(t, filepath.Join(dir, "file.yaml"), "graph: { access_token_file: token }\n")
		write(t, filepath.Join(dir, "ref.yaml"), "graph: { access_token: \"${file:token}\" }\n")

		// A token file causes a warning, and relay works without the token.
		cfg, warnings, err := Load(filepath.Join(dir, "file.yaml"), Options{})
		must(t, err)
		g := cfg.Graph
		said := ""
		for _, w := range warnings {
			if strings.HasPrefix(w.Message, "graph.access_token_file: ") {
				said = w.Message
			}
		}
		// The same content through a reference is an error.
		ref, _, refErr := Load(filepath.Join(dir, "ref.yaml"), Options{})
		if want == "" {
			bare := strings.Trim(text, "\ufeff\r\n")
			if g.AccessToken.Reveal() != bare || said != "" || g.AccessTokenFlaw != "" || refErr != nil || ref.Graph.AccessToken.Reveal() != bare {
				t.Errorf("%q: not taken: %q, %q, %v", text, said, g.AccessTokenFlaw, refErr)
			}
			continue
		}
		if !g.AccessToken.IsEmpty() || g.AccessTokenLack != FileMalformed {
			t.Errorf("%q: taken, or %q", text, g.AccessTokenLack)
		}
		if !strings.HasPrefix(g.AccessTokenFlaw, want) || !strings.Contains(said, "read "+path+": "+want) || !strings.Contains(g.AccessTokenFlaw, "; ") {
			t.Errorf("%q: doctor hears %q, check %q, want %q", text, g.AccessTokenFlaw, said, want)
		}
		what, _, _ := strings.Cut(want, ";")
		if refErr == nil || !strings.Contains(refErr.Error(), what) || !strings.Contains(refErr.Error(), "${file:token}") {
			t.Errorf("%q: by reference %v", text, refErr)
		}
		for _, shown := range []string{g.AccessTokenFlaw, strictyaml.Problems(warnings).Render(), render(refErr)} {
			if strings.Contains(shown, token) || strings.Contains(shown, "secretZZ") {
				t.Errorf("%q: the token is shown: %s", text, shown)
			}
		}
	}
}

func render(err error) string {
	if err == nil {
		return ""
	}
	if r, ok := err.(interface{ Render() string }); ok { //nolint:errorlint // only for what it prints
		return r.Render()
	}
	return err.Error()
}

// Other secrets, and secrets from the environment, have the same checks.
func TestSecretsFromElsewhere(t *testing.T) {
	for value, want := range map[string]string{
		"fake-write-key-of-till-4\n": "", // echo in a Kubernetes Secret
		"c2VjcmV0LWtleQ==":           "",
		"user=pass":                  "",
		"\"fake-write-key\"":         "it is in quotes", // docker --env-file keeps them
		"RELAY_WRITE_KEY=fake":       "it begins with a name",
		"fake\u200bkey":              "character 5 is a zero width space",
	} {
		path := filepath.Join(t.TempDir(), "relay.yaml")
		must(t, os.WriteFile(path, []byte("auth: { write_keys: [\"${env:KEY}\"] }\n"), 0o600))
		cfg, _, err := Load(path, Options{LookupEnv: func(string) (string, bool) { return value, true }})
		switch {
		case want == "" && (err != nil || cfg.Auth.WriteKeys[0].Reveal() != strings.TrimSpace(value)):
			t.Errorf("%q: %v", value, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "fake")):
			t.Errorf("%q: %v, want %s", value, err, want)
		}
	}
}
