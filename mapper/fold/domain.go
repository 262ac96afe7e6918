package fold

import (
	"strings"

	"golang.org/x/net/idna"
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

// maxLabel is how long a label of the domain name system is.
const maxLabel = 63

// inASCII is a label as the domain name system has it; one that nobody would write stays.
func inASCII(label string) string {
	if IsPlainASCII(label) || Fold(label) != label {
		return label
	}
	s := thereAndBack(label, idna.Punycode.ToASCII, idna.Punycode.ToUnicode)
	if len(s) > maxLabel {
		return label
	}
	return s
}

// inLetters is a label in letters; one that nobody would write stays.
func inLetters(label string) string {
	s := thereAndBack(label, idna.Punycode.ToUnicode, idna.Punycode.ToASCII)
	if len(label) > maxLabel || s == "" || Fold(s) != s {
		return label
	}
	return s
}

// thereAndBack is a label written the other way; one that does not come back as it was
// stays.
func thereAndBack(label string, there, back func(string) (string, error)) string {
	s, err := there(label)
	if err != nil {
		return label
	}
	if again, err := back(s); err != nil || again != label {
		return label
	}
	return s
}
