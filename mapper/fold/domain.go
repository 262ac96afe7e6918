package fold

import (
	"strings"
	"unicode/utf8"
)

// Spellings are the other ways in which a folded e-mail address may be written: its
// domain in letters (bücher.example), and as the domain name system has it
// (xn--bcher-kva.example). They are one mailbox. Nothing for an address that has one
// spelling.
func Spellings(address string) (others []string) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || IsPlainASCII(domain) && !strings.Contains(domain, punycodeMark) {
		return nil
	}
	for _, way := range []func(label string) string{inLetters, inASCII} {
		labels := strings.Split(domain, ".")
		for i, label := range labels {
			labels[i] = way(label)
		}
		if s := local + "@" + strings.Join(labels, "."); s != address && len(s) <= 254 {
			others = append(others, s)
		}
	}
	return others
}

// punycodeMark begins a label that is written in ASCII for other letters.
const punycodeMark = "xn--"

// inASCII is a label as the domain name system has it.
func inASCII(label string) string {
	if IsPlainASCII(label) {
		return label
	}
	return punycodeMark + encodePunycode([]rune(label))
}

// inLetters is a label in letters; one that nobody would write so stays.
func inLetters(label string) string {
	code, ok := strings.CutPrefix(label, punycodeMark)
	if !ok {
		return label
	}
	s, ok := decodePunycode(code)
	if !ok || Fold(s) != s || inASCII(s) != label {
		return label
	}
	return s
}

// Parameters of RFC 3492, section 5.
const (
	punyBase   = 36
	punyMin    = 1
	punyMax    = 26
	punySkew   = 38
	punyDamp   = 700
	punyBias   = 72
	punyFirst  = 0x80
	punyLabel  = 63 // characters of a label: no code is longer
	punyDigits = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// adaptPunycode is the bias behind a code point (section 6.1).
func adaptPunycode(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + (punyBase-punyMin+1)*delta/(delta+punySkew)
}

// encodePunycode is section 6.3.
func encodePunycode(in []rune) string {
	var out []byte
	for _, r := range in {
		if r < punyFirst {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(punyFirst), 0, punyBias
	for done := basic; done < len(in); {
		next := rune(utf8.MaxRune)
		for _, r := range in {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range in {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := punyBase; ; k += punyBase {
				t := min(max(k-bias, punyMin), punyMax)
				if q < t {
					break
				}
				out = append(out, punyDigits[t+(q-t)%(punyBase-t)])
				q = (q - t) / (punyBase - t)
			}
			out = append(out, punyDigits[q])
			bias = adaptPunycode(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
		n++
	}
	return string(out)
}

// decodePunycode is section 6.2. Only lower case is read.
func decodePunycode(in string) (string, bool) {
	if len(in) > punyLabel {
		return "", false
	}
	var out []rune
	if at := strings.LastIndexByte(in, '-'); at > 0 {
		out, in = []rune(in[:at]), in[at+1:]
	}
	n, i, bias := punyFirst, 0, punyBias
	for in != "" {
		old, w := i, 1
		for k := punyBase; ; k += punyBase {
			if in == "" {
				return "", false
			}
			digit := strings.IndexByte(punyDigits, in[0])
			in = in[1:]
			if digit < 0 || digit > (1<<31-1-i)/w {
				return "", false
			}
			i += digit * w
			t := min(max(k-bias, punyMin), punyMax)
			if digit < t {
				break
			}
			if w *= punyBase - t; w > 1<<30 {
				return "", false
			}
		}
		points := len(out) + 1
		bias = adaptPunycode(i-old, points, old == 0)
		n += i / points
		i %= points
		if n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		out = append(out[:i], append([]rune{rune(n)}, out[i:]...)...)
		i++
	}
	return string(out), true
}
