package receipts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
)

// markLen makes it improbable that one of a thousand lines is taken for another's
// token in a full ledger: about one in a thousand times.
const markLen = 6

// mark is a token, keyed with the secret of the installation.
type mark [markLen]byte

// printer makes marks. It is not safe for concurrent use.
type printer struct {
	mac  hash.Hash
	text []byte // reused, as all below
	sum  []byte
}

func newPrinter(secret []byte) *printer { return &printer{mac: hmac.New(sha256.New, secret)} }

func (p *printer) of(token string) (out mark) {
	p.text = append(append(p.text[:0], "relay token\x00"...), token...)
	p.mac.Reset()
	_, _ = p.mac.Write(p.text) // a hash takes anything
	p.sum = p.mac.Sum(p.sum[:0])
	copy(out[:], p.sum)
	return out
}

// pack makes one text of the marks of tokens.
func (p *printer) pack(tokens []string) string {
	b := make([]byte, 0, len(tokens)*markLen)
	for _, t := range tokens {
		one := p.of(t)
		b = append(b, one[:]...)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// holds says whether one of the marks is in what pack made.
func holds(packed string, marks map[mark]bool) bool {
	if packed == "" || len(marks) == 0 {
		return false
	}
	b, err := base64.RawStdEncoding.DecodeString(packed)
	for ; err == nil && len(b) >= markLen; b = b[markLen:] {
		if marks[mark(b[:markLen])] {
			return true
		}
	}
	return false
}
