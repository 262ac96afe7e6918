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

// maxSecretFile is the largest accepted token file or ${file:…}, ${cred:…}, in bytes.
const maxSecretFile = 64 << 10

// maxNesting is the deepest nesting of defaults within defaults.
const maxNesting = 8

// expander replaces ${…} in scalars.
type expander struct {
	dir       string // the config file's directory, for relative paths
	lookupEnv func(string) (string, bool)
}

// source is where one scalar's text came from.
type source struct {
	kind  string   // env, file or cred, the last one used; empty: as written
	name  string   // the variable, path or credential
	files []string // every file named, found or not: to be watched

	written string // as in the file, before expansion
	empty   bool   // the expansion is empty
}

// errAbsent marks a missing variable or file, for which a default
// is used.
var errAbsent = errors.New("absent")

var (
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	credName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// expand returns text with every ${env:…}, ${file:…} and ${cred:…} replaced and
// $${ turned into ${. The content of a variable or file is not expanded
// again. Errors never contain a value.
func (e *expander) expand(text string) (string, source, error) {
	var src source
	out, err := e.run(text, &src, 0)
	return out, src, err
}

func (e *expander) run(text string, src *source, depth int) (string, error) {
	if depth > maxNesting {
		return "", fmt.Errorf("${…} is nested more than %d deep; write the default as plain text", maxNesting)
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
	alternative string // after the operator, not yet expanded
}

// parseReference parses the reference at the start of text and returns it with
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
		return reference{}, 0, fmt.Errorf("${%s} is unknown (known: ${env:NAME}, ${file:PATH}, ${cred:NAME}); %s", clip(kind), hint)
	}
	ref := reference{kind: kind, name: after}
	if at := firstOperator(after); at >= 0 {
		ref.name, ref.operator, ref.alternative = after[:at], after[at:at+2], after[at+2:]
	}
	switch {
	case kind == "env" && !envName.MatchString(ref.name):
		return ref, 0, fmt.Errorf("${env:%s}: this is not the name of an environment variable; use letters, digits and _", clip(ref.name))
	case kind == "cred" && !credName.MatchString(ref.name):
		return ref, 0, fmt.Errorf("${cred:%s}: this is not the name of a credential; use letters, digits, _, . and -", clip(ref.name))
	case ref.name == "":
		return ref, 0, fmt.Errorf("${%s:}: the name is missing; write it after the colon", kind)
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
// start of text, skipping nested references.
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

// absent is an error with its own text for which errors.Is(err, errAbsent) is true.
type absent string

func (a absent) Error() string        { return string(a) }
func (a absent) Is(target error) bool { return target == errAbsent }

func (e *expander) fetch(ref reference, src *source) (string, error) {
	path := ref.name
	switch ref.kind {
	case "env":
		value, ok := e.lookupEnv(ref.name)
		if !ok {
			return "", absent("the environment variable is not set; set it, or add a default with :-")
		}
		return value, nil
	case "cred":
		dir, _ := e.lookupEnv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", absent("CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential=")
		}
		path = filepath.Join(dir, ref.name)
	case "file":
		path = resolvePath(e.dir, path)
	}
	src.files = append(src.files, path)
	return readTrimmed(path)
}

// ReadSecretFile returns the content of a token file, without a byte order mark and
// trailing line ends. It reads at most 64 KiB. On content that is not a bare token the error
// says what is wrong, where, and the fix; it contains nothing of the text.
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
		return "", malformed{fmt.Sprintf("the file is larger than %d bytes", maxSecretFile), "write only the value there"}
	case !utf8.Valid(data):
		return "", notText(data)
	}
	if bytes.ContainsRune(data, 0) && len(data) > 1 && (data[0] == 0 || data[1] == 0) {
		return "", notText(append([]byte{0xFF, 0xFE}, data...)) // UTF-16 without its mark
	}
	return trimmed(string(data)), nil
}

// resolvePath makes a path in the config file relative to its directory.
func resolvePath(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
