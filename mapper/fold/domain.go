package fold

import (
	"strings"

	"golang.org/x/net/idna"
)

// EmailSpellings returns the other spellings of a folded e-mail address: its domain in Unicode
// (bücher.example) and in the ASCII form of the DNS (xn--bcher-kva.example). All spellings are
// the same mailbox. An address with only one spelling gives nil.
func EmailSpellings(address string) (others []string) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || IsPlainASCII(domain) && !strings.Contains(domain, punycodeMark) {
		return nil
	}
	for _, way := range []func(label string) string{toUnicode, toASCII} {
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

// punycodeMark starts a label that encodes other letters in ASCII.
const punycodeMark = "xn--"

// maxLabel is the maximum length of a DNS label.
const maxLabel = 63

// toASCII returns the DNS form of a label, or the label itself if it has none that converts
// back.
func toASCII(label string) string {
	if IsPlainASCII(label) || Fold(label) != label {
		return label
	}
	s := convertLabel(label, idna.Punycode.ToASCII, idna.Punycode.ToUnicode)
	if len(s) > maxLabel {
		return label
	}
	return s
}

// toUnicode returns a label in Unicode, or the label itself if it has no such form that
// converts back.
func toUnicode(label string) string {
	s := convertLabel(label, idna.Punycode.ToUnicode, idna.Punycode.ToASCII)
	if len(label) > maxLabel || s == "" || Fold(s) != s {
		return label
	}
	return s
}

// convertLabel converts a label. It returns the label unchanged if the result does not convert
// back to it.
func convertLabel(label string, there, back func(string) (string, error)) string {
	converted, err := there(label)
	if err != nil {
		return label
	}
	if again, err := back(converted); err != nil || again != label {
		return label
	}
	return converted
}
