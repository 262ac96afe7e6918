package receipts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
)

// tokenHashLen makes false matches rare: in a full ledger, about one of a thousand searched
// tokens matches the hash of another.
const tokenHashLen = 6

// tokenHash is the hash of a token, keyed with the installation's secret.
type tokenHash [tokenHashLen]byte

// tokenHasher computes token hashes. It is not safe for concurrent use.
type tokenHasher struct {
	mac  hash.Hash
	text []byte // reused, like sum
	sum  []byte
}

func newTokenHasher(secret []byte) *tokenHasher {
	return &tokenHasher{mac: hmac.New(sha256.New, secret)}
}

func (p *tokenHasher) hash(token string) (out tokenHash) {
	p.text = append(append(p.text[:0], "relay token\x00"...), token...)
	p.mac.Reset()
	_, _ = p.mac.Write(p.text) // never fails
	p.sum = p.mac.Sum(p.sum[:0])
	copy(out[:], p.sum)
	return out
}

// pack returns the hashes of tokens as one base64 text.
func (p *tokenHasher) pack(tokens []string) string {
	b := make([]byte, 0, len(tokens)*tokenHashLen)
	for _, t := range tokens {
		one := p.hash(t)
		b = append(b, one[:]...)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// containsAny reports whether packed, a result of pack, holds one of the hashes.
func containsAny(packed string, hashes map[tokenHash]bool) bool {
	if packed == "" || len(hashes) == 0 {
		return false
	}
	b, err := base64.RawStdEncoding.DecodeString(packed)
	for ; err == nil && len(b) >= tokenHashLen; b = b[tokenHashLen:] {
		if hashes[tokenHash(b[:tokenHashLen])] {
			return true
		}
	}
	return false
}
