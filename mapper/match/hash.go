package match

import (
	"strings"
	"sync"
)

// hashState is the result of checking a value for a hash.
type hashState int

const (
	notHashed         hashState = iota
	isSHA256                    // 64 hex digits: passed on unchanged
	isPlaceholderHash           // SHA-256 of an empty value or a placeholder, or all zeros: would merge different customers
	isOtherHash                 // MD5, SHA-1, SHA-512 or base64: Meta has none of these
)

// readHash recognises a value that arrived hashed. It removes the suffix of Meta's parameter
// builder (a dot and 2 or 8 characters; docs/meta.md 3.3), the name of the hash function before
// it (sha256:), and blanks or colons between the digits. s is clean.
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
		if placeholderHashes()[s] || strings.Trim(s, "0") == "" {
			return "", isPlaceholderHash
		}
		return s, isSHA256
	case 32, 40, 96, 128:
		if isHex(s) && hasHexLetter(s) {
			return "", isOtherHash
		}
	case 44: // base64 of 32 bytes
		if s[43] == '=' && isBase64(s[:43]) && strings.ToLower(s) != s {
			return "", isOtherHash
		}
	}
	return "", notHashed
}

// hashNames are names of hash functions that can precede a hash, followed by a separator.
var hashNames = []string{"sha256", "sha-256", "sha2-256", "sha1", "sha-1", "sha512", "sha-512", "md5", "hash", "0x"}

// bareHash removes what programs write before and within a hash. Other text is returned
// unchanged. s is not empty.
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

// placeholderHashes returns the hashes of empty values and placeholders, which were hashed
// without being checked.
var placeholderHashes = sync.OnceValue(func() map[string]bool {
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

// checkHash handles a value that arrived hashed. done is false if it is not a hash and the
// caller must go on.
func checkHash(key, s string, t *Trace) (n Value, done bool) {
	h, state := readHash(s)
	switch state {
	case isSHA256:
		t.add("already a SHA-256: not hashed again, lower case", h)
		return Value{Form: h, Hashed: true}, true
	case isPlaceholderHash:
		return Reject(key, "placeholder", "is the hash of an empty value or a placeholder and would merge different customers"), true
	case isOtherHash:
		return Reject(key, "not_sha256", "looks hashed or encoded, but not with SHA-256, so it can never match"), true
	}
	return Value{}, false
}

// Reject returns a Value that is not sent. what completes the code of the note; why follows the
// name of the key in its text.
func Reject(key, what, why string) Value {
	return Value{Code: key + "_" + what, Why: strings.ReplaceAll(key, "_", " ") + " " + why + "; left out"}
}

// RejectPlaceholder rejects a value that tills enter when there is no customer.
func RejectPlaceholder(key string) Value {
	return Reject(key, "placeholder", "is a placeholder that would merge different customers")
}

// IsHash reports whether a clean text is the SHA-256 of a real value.
func IsHash(s string) bool {
	_, state := readHash(s)
	return state == isSHA256
}
