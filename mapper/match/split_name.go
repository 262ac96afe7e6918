package match

import (
	"slices"
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// SplitName splits a full name into first and last name, which still have to be normalised
// (docs/contract.md 5.2). The first word is the first name, unless the spelling shows another
// order: "Doe, John", "Mr. Smith", 山田 太郎. Meta stores both names separately. A name that is a
// placeholder or not a personal name is returned as first, so that normalising it gives the
// note.
func SplitName(raw string) (first, last string) {
	s := cleanText(raw, nil)
	if s == "" {
		return "", ""
	}
	if _, state := readHash(s); state != notHashed {
		return "", "" // the hash of a full name is the hash of neither part
	}
	if IsPlaceholder(s) || IsDefaultCustomer(s) || IsCompany(s) || strings.Contains(s, "@") {
		return s, ""
	}
	s = strings.Join(strings.Fields(withoutAsides(s)), " ")
	s, title := trimTitles(s)
	if family, given, ok := strings.Cut(s, ","); ok {
		if f, l, ok := commaName(family, given); ok {
			return f, l
		}
		s = trimDegrees(s)
		s = strings.Join(strings.Fields(strings.ReplaceAll(s, ",", " ")), " ")
	}
	s = trimDegrees(s)
	ornament := func(w string) bool { return fold.Squash(w) == "" && !isCouple(w) }
	words := slices.DeleteFunc(strings.Fields(s), ornament)
	if len(words) != 2 { // Anne - Marie Dupont, but Jane - Doe
		words = slices.DeleteFunc(strings.Fields(joinAround(s, "-")), ornament)
	}
	s = strings.Join(words, " ")
	if len(words) == 0 {
		return "", ""
	}
	rest := strings.Join(words[1:], " ")
	switch {
	case isTitle(s):
		return s, ""
	case title != "" && !givenTitles[title] && (len(words) == 1 || isParticle(words[0])):
		return "", s // Mr. Smith, Frau von der Leyen
	case len(words) > 2 && isParticle(fold.Lower(words[0])) && isParticle(words[1]):
		return "", s // Van der Berg
	case len(words) > 1 && isParticle(words[0]) && fold.Lower(s) != s:
		return "", s // van der Berg
	case len(words) == 2 && isEastAsian(s):
		return words[1], words[0] // these scripts write the family name first
	case len(words) > 3 && isCouple(words[1]):
		return words[0], strings.Join(words[3:], " ") // Anna & Max Meier
	}
	return words[0], rest
}

// commaName reads "Doe, John Michael": the whole text before the comma is the surname. ok is
// false if the comma separates something else (Jr.).
func commaName(family, given string) (first, last string, ok bool) {
	given, extra, _ := strings.Cut(given, ",")
	given, _ = trimTitles(strings.TrimSpace(given))
	family = strings.TrimSpace(family)
	words := strings.Fields(given)
	if isTitle(given) && !strings.Contains(family, " ") {
		return "", family, true // Doe, Mr.
	}
	if len(words) == 0 || fold.Squash(family) == "" || fold.Squash(given) == "" || isSuffix(words[0]) || len(words) == 1 && commaDegrees[titleKey(given)] {
		return "", "", false
	}
	suffix := ""
	if w := words[len(words)-1]; len(words) > 1 && isSuffix(w) {
		suffix = " " + w
	} else if w := strings.TrimSpace(extra); isSuffix(w) {
		suffix = " " + w
	}
	// Doe, Jan van der: the particles belong to the surname.
	for i, w := range words {
		if i > 0 && isParticle(w) {
			return words[0], strings.Join(words[i:], " ") + " " + family + suffix, true
		}
	}
	return words[0], family + suffix, true
}

func isSuffix(w string) bool {
	switch titleKey(w) {
	case "jr", "sr", "jnr", "snr", "junior", "senior", "ii", "iii", "iv", "jun", "sen", "filho", "neto":
		return true
	}
	return false
}

var particles = wordSet("van von de der den del della di da dal dos das du des la le les zu zum zur ter ten te op bin ibn al el af av")

// isParticle reports whether w is a particle of a surname, in lower case.
func isParticle(w string) bool { return particles[w] }

func isCouple(w string) bool {
	switch fold.Lower(w) {
	case "&", "+", "and", "und", "et":
		return true
	}
	return false
}

// isEastAsian reports whether all letters are Han, Hangul or hiragana. Katakana is excluded
// because it also writes foreign names, which keep their own order.
func isEastAsian(s string) bool {
	letters := false
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters = true
			if !unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana) {
				return false
			}
		}
	}
	return letters
}
