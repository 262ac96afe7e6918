package track

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// FingerprintKey is the key of event fingerprints. Without it one can neither construct two
// events with the same fingerprint nor test a guess about an event. The zero value is a publicly
// known key.
type FingerprintKey [4]uint64

// NewFingerprintKey derives the key from a secret that must last as long as the stored
// fingerprints.
func NewFingerprintKey(secret []byte) FingerprintKey {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("relay: fingerprints of events"))
	sum := mac.Sum(nil)
	var k FingerprintKey
	for i := range k {
		k[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
	return k
}

// fingerprinter computes fingerprints of events: 8 bytes that are equal for events with the
// same name, userId and properties, by value. The order of members does not matter, nor does
// spelling: 1, 1.0 and 10e-1 are the same number. Members that a client changes when it sends
// an event again (sentAt, timestamp, context) are not included.
//
// It is a keyed hash in the manner of wyhash. Go's maps use the same one, with a random key,
// against attackers who choose the keys. It is not cryptographic and need not be: a client that
// found two events with the same fingerprint could only make relay drop its own event.
type fingerprinter struct {
	k     FingerprintKey
	plain []byte // buffer for a string without its escapes
}

// Whole returns the fingerprint of all bytes of an event; never 0.
func (k FingerprintKey) Whole(body []byte) uint64 {
	p := fingerprinter{k: k}
	return max(p.bytes(body), 1)
}

// Constants per kind of value, so that "1" differs from 1. They also keep the zero key from
// having zeros in it.
const (
	printText   = 0xa0761d6478bd642f
	printNumber = 0xe7037ed1a0b428db
	printList   = 0x8ebc6af09c88c6e3
	printObject = 0x589965cc75374cc3
	printWord   = 0x1d8e4e27c47d124f
)

// event returns the fingerprint of a usable track call in b; never 0.
func (p *fingerprinter) event(b []byte, m *message) uint64 {
	h := p.mix(p.at(b, m.event), p.id(b, m.user))
	h = p.mix(h, p.at(b, m.properties))
	if cap(p.plain) > maxKept {
		p.plain = nil
	}
	return max(h, 1)
}

// id returns the hash of a userId. A number counts as its text.
func (p *fingerprinter) id(b []byte, at span) uint64 {
	if c := at.kind(b); c == '-' || isDigit(c) {
		return p.bytes(at.of(b))
	}
	return p.at(b, at)
}

func (p *fingerprinter) at(b []byte, at span) uint64 {
	if !at.ok() {
		return 0
	}
	h, _ := p.value(b, int(at.from))
	return h
}

// mix returns the hash of two words in this order.
func (p *fingerprinter) mix(x, y uint64) uint64 {
	return multiply(x^p.k[0]^printText, y^p.k[1]^printNumber)
}

func multiply(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// value returns the hash of the JSON value at b[i] and the position after it. The scanner has
// checked its grammar and that it nests no deeper than event.MaxDepth.
func (p *fingerprinter) value(b []byte, i int) (h uint64, end int) {
	switch b[i] {
	case '{':
		n := uint64(0)
		i = skip(b, i+1)
		for b[i] != '}' {
			name, at := p.text(b, i)
			value, at := p.value(b, skip(b, skip(b, at)+1)) // after the colon
			h += p.mix(name, value)
			n++
			if i = skip(b, at); b[i] == ',' {
				i = skip(b, i+1)
			}
		}
		return multiply(h^p.k[2]^printObject, n^p.k[3]^printObject), i + 1
	case '[':
		n := uint64(0)
		i = skip(b, i+1)
		for b[i] != ']' {
			value, at := p.value(b, i)
			h = p.mix(h, value)
			n++
			if i = skip(b, at); b[i] == ',' {
				i = skip(b, i+1)
			}
		}
		return multiply(h^p.k[2]^printList, n^p.k[3]^printList), i + 1
	case '"':
		return p.text(b, i)
	case 't', 'n':
		return p.mix(printWord, uint64(b[i])), i + len("true")
	case 'f':
		return p.mix(printWord, 'f'), i + len("false")
	}
	return p.number(b, i)
}

// skip returns the position of the next byte that is not white space.
func skip(b []byte, i int) int {
	for b[i] <= ' ' {
		i++
	}
	return i
}

// text returns the hash of the string at b[i], without its escapes, and the position after it.
// The hash is that of bytes, computed while reading, eight bytes at a time.
func (p *fingerprinter) text(b []byte, i int) (h uint64, end int) {
	from := i
	h = p.k[2] ^ printText
	for i++; i+8 <= len(b); i += 8 {
		// The lowest mark is exact; see scanner.str.
		w := binary.LittleEndian.Uint64(b[i:])
		q, e := w^ones*'"', w^ones*'\\'
		if m := ((q-ones)&^q | (e-ones)&^e) & highs; m != 0 {
			n := bits.TrailingZeros64(m) >> 3
			if b[i+n] == '\\' {
				break
			}
			return p.last(h, w, n), i + n + 1
		}
		h = multiply(h^w, p.k[1]^printText)
	}
	end = from + stringLen(b[from:])
	p.plain = unquote(p.plain[:0], b[from:end])
	return p.bytes(p.plain), end
}

// bytes returns the hash of a text.
func (p *fingerprinter) bytes(t []byte) uint64 {
	h := p.k[2] ^ printText
	for ; len(t) >= 8; t = t[8:] {
		h = multiply(h^binary.LittleEndian.Uint64(t), p.k[1]^printText)
	}
	var rest [8]byte
	copy(rest[:], t)
	return p.last(h, binary.LittleEndian.Uint64(rest[:]), len(t))
}

// last completes the hash h of a text with its last n bytes, up to 7, which are in w.
func (p *fingerprinter) last(h, w uint64, n int) uint64 {
	w = w&(1<<(8*n)-1) | uint64(n)<<56
	return multiply(h^w, p.k[3]^printText)
}

// number returns the hash of the number at b[i] and the position after it: of its digits from
// the first to the last that is not 0, the power of ten of that last digit, and its sign. So it
// does not depend on how the number is written.
func (p *fingerprinter) number(b []byte, i int) (h uint64, end int) {
	var sign, mantissa, power, point uint64
	if b[i] == '-' {
		sign = 1
		i++
	}
	from := i
	for ; ; i++ {
		if c := b[i] - '0'; c <= 9 {
			mantissa = mantissa*10 + uint64(c)
			power -= point
		} else if b[i] == '.' {
			point = 1
		} else {
			break
		}
	}
	if i-from > 18 || b[i]|0x20 == 'e' {
		return p.longNumber(b, from, sign)
	}
	for ; mantissa != 0 && mantissa%10 == 0; mantissa /= 10 {
		power++
	}
	return p.decimal(p.k[3], mantissa, power, sign), i
}

// decimal returns the hash of ±mantissa·10^power; h is the hash of the digits before mantissa.
func (p *fingerprinter) decimal(h, mantissa, power, sign uint64) uint64 {
	if mantissa == 0 { // 0, -0 and 0e7 are the same
		power, sign = 0, 0
	}
	return p.mix(multiply(h^mantissa^printNumber, p.k[2]^printNumber)+sign, power)
}

// longNumber is number for one that starts at b[i], after its sign, and has an exponent or too
// many digits for a word.
func (p *fingerprinter) longNumber(b []byte, i int, sign uint64) (h uint64, end int) {
	d := digits{p: p, hash: p.k[3]}
	power, point := uint64(0), uint64(0)
	for ; isDigit(b[i]) || b[i] == '.'; i++ {
		if b[i] == '.' {
			point = 1
			continue
		}
		power -= point
		d.add(uint64(b[i] - '0'))
	}
	if b[i]|0x20 == 'e' {
		i++
		minus := b[i] == '-'
		if minus || b[i] == '+' {
			i++
		}
		exponent := uint64(0) // can wrap around; the same number wraps in the same way
		for ; isDigit(b[i]); i++ {
			exponent = exponent*10 + uint64(b[i]-'0')
		}
		if minus {
			exponent = -exponent
		}
		power += exponent
	}
	return p.decimal(d.hash, d.last, power+d.zeros, sign), i
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// digits hashes a number's digits without leading and trailing zeros.
type digits struct {
	p     *fingerprinter
	hash  uint64 // of all digits but the last ones
	last  uint64 // the last ones, up to 18 of them
	zeros uint64 // zeros read after them: they count only if another digit follows
}

func (d *digits) add(digit uint64) {
	if digit == 0 {
		d.zeros++
		return
	}
	for ; d.last > 0 && d.zeros > 0; d.zeros-- {
		d.put(0)
	}
	d.zeros = 0
	d.put(digit)
}

func (d *digits) put(digit uint64) {
	if d.last >= 1e17 {
		// The leading 1 records how many digits follow, even if they begin with zeros.
		d.hash, d.last = d.p.mix(d.hash, d.last), 1
	}
	d.last = d.last*10 + digit
}
