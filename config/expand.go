package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"relay/internal/disk"
)

// maxSecretFile bounds ${file:…}, ${cred:…} and the token files.
const maxSecretFile = 64 << 10

// maxNesting bounds defaults within defaults.
const maxNesting = 8

// expander replaces ${…} in scalars.
type expander struct {
	dir       string // the config file's folder, for relative paths
	lookupEnv func(string) (string, bool)
}

// source says where one scalar's text came from.
type source struct {
	kind  string   // env, file or cred, the last one used; empty: as written
	name  string   // the variable, path or credential
	files []string // every file asked for, found or not: to be watched

	written string // as the file has it, before it was expanded
	empty   bool   // nothing came of it
}

// errAbsent marks a variable or file that is not there, for which a default
// stands in.
var errAbsent = errors.New("absent")

var (
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	credName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// expand returns text with every ${env:…}, ${file:…} and ${cred:…} replaced and
// $${ turned into ${. What comes out of a variable or file is not expanded
// again. Errors never hold a value.
func (e *expander) expand(text string) (string, source, error) {
	var src source
	out, err := e.run(text, &src, 0)
	return out, src, err
}

func (e *expander) run(text string, src *source, depth int) (string, error) {
	if depth > maxNesting {
		return "", fmt.Errorf("${…} nested more than %d deep", maxNesting)
	}
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		ref, n, err := parseReference(text[i:])
		if err != nil {
			return "", err
		}
		value, err := e.resolve(ref, src, depth)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		text = text[i+n:]
	}
}

// reference is one ${kind:name}, ${kind:name:-default} or
// ${kind:name:?message}.
type reference struct {
	kind, name  string
	operator    string // "", ":-" or ":?"
	alternative string // behind the operator, not yet expanded
}

// parseReference reads the reference at the start of text and returns it with
// its length.
func parseReference(text string) (reference, int, error) {
	end := closingBrace(text)
	if end < 0 {
		return reference{}, 0, errors.New(`"${" has no closing "}"; write $${ if it is meant as text`)
	}
	body := text[2:end]
	kind, after, _ := strings.Cut(body, ":")
	if kind != "env" && kind != "file" && kind != "cred" || after == "" {
		hint := "write $${ if it is meant as text"
		if envName.MatchString(body) {
			hint = fmt.Sprintf("write ${env:%s}, or $${%s} if it is meant as text", body, body)
		}
		return reference{}, 0, fmt.Errorf("${%s} is not understood (${env:NAME}, ${file:PATH} and ${cred:NAME} are); %s", clip(kind), hint)
	}
	ref := reference{kind: kind, name: after}
	if at := firstOperator(after); at >= 0 {
		ref.name, ref.operator, ref.alternative = after[:at], after[at:at+2], after[at+2:]
	}
	switch {
	case kind == "env" && !envName.MatchString(ref.name):
		return ref, 0, fmt.Errorf("${env:%s}: that is not the name of an environment variable", clip(ref.name))
	case kind == "cred" && !credName.MatchString(ref.name):
		return ref, 0, fmt.Errorf("${cred:%s}: that is not the name of a credential", clip(ref.name))
	case ref.name == "":
		return ref, 0, fmt.Errorf("${%s:}: the name is missing", kind)
	}
	return ref, end + 1, nil
}

func clip(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		return string([]rune(s)[:40]) + "…"
	}
	return s
}

// closingBrace returns the offset of the brace that closes the "${" at the
// start of text, passing over references within.
func closingBrace(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '$' && i+1 < len(text) && text[i+1] == '{':
			depth++
			i++
		case text[i] == '}':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

func firstOperator(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == ':' && (s[i+1] == '-' || s[i+1] == '?') {
			return i
		}
	}
	return -1
}

func (e *expander) resolve(ref reference, src *source, depth int) (string, error) {
	value, err := e.fetch(ref, src)
	missing := err == nil && value == "" || errors.Is(err, errAbsent)
	switch {
	case missing && ref.operator == ":-":
		return e.run(ref.alternative, src, depth+1)
	case missing && ref.operator == ":?":
		message := ref.alternative
		if message == "" {
			message = "it must be set"
		}
		return "", fmt.Errorf("${%s:%s}: %s", ref.kind, ref.name, message)
	case err != nil:
		return "", fmt.Errorf("${%s:%s}: %w", ref.kind, ref.name, err)
	}
	src.kind, src.name = ref.kind, ref.name
	return value, nil
}

// absent is an error that errors.Is takes for errAbsent and that reads well.
type absent string

func (a absent) Error() string        { return string(a) }
func (a absent) Is(target error) bool { return target == errAbsent }

func (e *expander) fetch(ref reference, src *source) (string, error) {
	path := ref.name
	switch ref.kind {
	case "env":
		value, ok := e.lookupEnv(ref.name)
		if !ok {
			return "", absent("the environment variable is not set")
		}
		return value, nil
	case "cred":
		dir, _ := e.lookupEnv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", absent("CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=")
		}
		path = filepath.Join(dir, ref.name)
	case "file":
		path = resolvePath(e.dir, path)
	}
	src.files = append(src.files, path)
	return readTrimmed(path)
}

// ReadSecretFile returns what a token file holds, without a byte order mark and the
// line ends behind it. It reads at most 64 KiB. What is no bare token is refused with
// what is wrong, where and how to put it right; the error holds nothing of the text.
func ReadSecretFile(path string) (Secret, error) {
	text, err := readTrimmed(path)
	if err != nil {
		return Secret{}, fmt.Errorf("read %s: %w", path, err)
	}
	if err := flaw(text); err != nil {
		return Secret{}, fmt.Errorf("read %s: %w", path, err)
	}
	return NewSecret(text), nil
}

func readTrimmed(path string) (string, error) {
	f, err := disk.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", absent("the file does not exist")
	case err != nil:
		return "", disk.Bare(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	switch {
	case err != nil:
		return "", disk.Bare(err)
	case len(data) > maxSecretFile:
		return "", malformed{fmt.Sprintf("the file is larger than %d bytes", maxSecretFile), "write the value there alone"}
	case !utf8.Valid(data):
		return "", notText(data)
	}
	if bytes.ContainsRune(data, 0) && len(data) > 1 && (data[0] == 0 || data[1] == 0) {
		return "", notText(append([]byte{0xFF, 0xFE}, data...)) // UTF-16 without its mark
	}
	return trimmed(string(data)), nil
}

// resolvePath makes a path of the config file relative to its folder.
func resolvePath(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
