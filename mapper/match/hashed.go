package match

import (
	"strings"
	"sync"
)

// hashState says whether a value looks like somebody's hash.
type hashState int

const (
	notHashed  hashState = iota
	isSHA256             // 64 hex digits: passes as it is
	isNoPerson           // SHA-256 of nothing or of a placeholder, or all zeros: would join strangers
	isOther              // MD5, SHA-1, SHA-512 or base64: Meta holds none of these
)

// readHash recognises a value that was hashed before it came. Meta's parameter
// builder adds a dot and 2 or 8 characters to its hashes (docs/meta.md
// 3.3); that suffix is taken off, and so are the name of the hash before it (sha256:)
// and blanks or colons between its digits. s is clean.
func readHash(s string) (string, hashState) {
	s = strings.Trim(s, "\"'")
	if len(s) < 32 {
		return "", notHashed
	}
	s = bareHash(s)
	if n := len(s); n == 67 || n == 73 {
		if s[64] == '.' && isHex(s[:64]) && isBase64URL(s[65:]) {
			s = s[:64]
		}
	}
	switch len(s) {
	case 64:
		if !isHex(s) {
			return "", notHashed
		}
		s = strings.ToLower(s)
		if emptyHashes()[s] || strings.Trim(s, "0") == "" {
			return "", isNoPerson
		}
		return s, isSHA256
	case 32, 40, 96, 128:
		if isHex(s) && hasHexLetter(s) {
			return "", isOther
		}
	case 44: // base64 of 32 bytes
		if s[43] == '=' && isBase64(s[:43]) && strings.ToLower(s) != s {
			return "", isOther
		}
	}
	return "", notHashed
}

// hashNames are written before a hash, with a sign between.
var hashNames = []string{"sha256", "sha-256", "sha2-256", "sha1", "sha-1", "sha512", "sha-512", "md5", "hash", "0x"}

// bareHash is a hash without what programs write before and within it; any other text is
// as it was. It is not empty.
func bareHash(s string) string {
	bare := s
	switch s[0] {
	case 's', 'S', 'm', 'M', 'h', 'H', '0', '{':
		bare = strings.TrimLeft(bare, "{")
		for _, name := range hashNames {
			if strings.EqualFold(bare[:min(len(name), len(bare))], name) {
				if rest := strings.TrimLeft(bare[len(name):], ":=-_$} "); len(rest) < len(bare)-len(name) || name == "0x" {
					bare = rest
					break
				}
			}
		}
	}
	if strings.ContainsAny(bare, " :") {
		bare = strings.NewReplacer(" ", "", ":", "").Replace(bare)
	}
	if len(bare) < len(s) && (len(bare) == 32 || len(bare) == 40 || len(bare) == 64 || len(bare) == 128) && isHex(bare) && hasHexLetter(bare) {
		return bare
	}
	return s
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if !('0' <= s[i] && s[i] <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

func hasHexLetter(s string) bool { return strings.ContainsAny(s, "abcdefABCDEF") }

func isBase64URL(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !isAlnum(r) && r != '-' && r != '_' }) < 0
}

func isBase64(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !isAlnum(r) && r != '+' && r != '/' }) < 0
}

func isAlnum(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// emptyHashes are the hashes of what no customer is called: somebody hashed
// before looking.
var emptyHashes = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{SHA256(""): true, SHA256(" "): true}
	for _, w := range []string{
		"n/a", "N/A", "na", "NA", "nan", "NaN", "-", "--", "0", "00000", "x", "xx", "xxx", "[object Object]",
		"[object Undefined]", "[object Null]", "test@test.com", "noreply@noreply.com", "none@none.com",
	} {
		m[SHA256(w)] = true
	}
	for _, w := range []string{"none", "null", "undefined", "unknown", "guest", "test", "anonymous"} {
		m[SHA256(w)] = true
		m[SHA256(strings.ToUpper(w))] = true
		m[SHA256(strings.ToUpper(w[:1])+w[1:])] = true
	}
	return m
})

// hashedOr settles a value that came hashed. done is false when the caller
// must go on.
func hashedOr(key, s string, t *Trace) (n Value, done bool) {
	h, state := readHash(s)
	switch state {
	case isSHA256:
		t.add("already a SHA-256: passed on unhashed, in lower case", h)
		return Value{Form: h, Hashed: true}, true
	case isNoPerson:
		return LeftOut(key, "placeholder", "is the hash of an empty value or of a placeholder, which would join strangers"), true
	case isOther:
		return LeftOut(key, "not_sha256", "looks hashed or encoded, but not with SHA-256, so it could never match"), true
	}
	return Value{}, false
}

// LeftOut is a value that is not sent. why reads on after the key's name.
func LeftOut(key, what, why string) Value {
	return Value{Code: key + "_" + what, Why: strings.ReplaceAll(key, "_", " ") + " " + why + "; left out"}
}

// Placeholder is LeftOut of a value that tills write for nobody.
func Placeholder(key string) Value {
	return LeftOut(key, "placeholder", "is a placeholder, which would join strangers")
}

// IsHash says whether a clean text is the SHA-256 of somebody.
func IsHash(s string) bool {
	_, state := readHash(s)
	return state == isSHA256
}
