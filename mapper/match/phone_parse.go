package match

import (
	"regexp"
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// writtenNumber holds the parts of a phone number as written.
type writtenNumber struct {
	bare          string // without labels and extension
	digits        string // all digits
	letters       string // digits with vanity letters converted; "" if there are no letters
	international bool   // starts with + or 00
	trunk         int    // number of digits before "(0)"; 0 if there is none
	stripped      bool   // letters other than labels were dropped
}

// extension matches an extension number, which is dialled after the call is connected, in
// several languages.
var extension = regexp.MustCompile(`(?i)^(.*\d[\d\s().\-/]*?)\s*(?:;\s*ext=|;\s*isub=.*|,+|;+|\bext(?:ensi[oó]n|n)?\b|ext|xtn?|x|#|~|\bint(?:erno)?\b|\banexo\b|\bramal\b|\bposte\b|` +
	`\bdurchwahl\b|\bdw\b|\bnst\b|\bnebenstelle\b|доб(?:авочный)?|\btoestel\b|\btst\b|\bapp\b|\bexten\b|\bopt(?:ion)?\b|内線)\s*[.:=#]*\s*\(?\s*\d{0,7}\s*\)?\s*#?$`)

// phoneLabels are words that people write next to a number.
var phoneLabels = wordSet(`tel tél telefon telefono teléfono telephone téléphone telefone phone ph fon mobile mob mobil móvil movil cell cellphone cel celular
	cellular handy natel portable gsm home work office business private privat privé casa trabajo oficina haus arbeit büro bureau domicile fixe fix
	fax main direct day night evening daytime whatsapp wa sms text landline primary secondary preferred h m w c t p o f tlf tfn tfno nr no number num
	numéro número nummer de us uk usa ca fr es it and callto intl international voice contact me my his her wife husband mum dad
	тел телефон моб мобильный номер 電話 电话 携帯 手机`)

var (
	thousands  = regexp.MustCompile(`^\+?\d{1,3}(?:,\d{3}){2,4}(?:\.0+)?$`)
	floatTail  = regexp.MustCompile(`^(\+?\d{7,15})[.,]0+$`)
	scientific = regexp.MustCompile(`^\+?(\d)[.,](\d{6,14})[eE]\+?(\d{1,2})$`)
	trunkZero  = regexp.MustCompile(`[(\[]\s*0\s*[)\]]`)
)

// parseWritten splits a clean value with ASCII digits into its parts.
func parseWritten(s string) writtenNumber {
	if thousands.MatchString(s) {
		s = strings.ReplaceAll(s, ",", "") // a spreadsheet's 6,505,551,212
	}
	if m := floatTail.FindStringSubmatch(s); m != nil {
		s = m[1] // a spreadsheet's 16505551212.0
	}
	if m := scientific.FindStringSubmatch(s); m != nil {
		if exp := (int(m[3][0]) - '0'); len(m[3]) == 1 && len(m[2]) == exp || len(m[3]) == 2 && len(m[2]) == 10*exp+int(m[3][1]-'0') {
			s = s[:len(s)-len(strings.TrimPrefix(s, "+"))] + m[1] + m[2] // 1.6505551212E+10 still has all digits
		} else {
			return writtenNumber{bare: s}
		}
	}
	// In RFC 3966, the context is the country code.
	if i := strings.Index(s, ";phone-context=+"); i > 0 {
		ctx, rest := s[i+len(";phone-context="):], s[:i]
		ctx, _, _ = strings.Cut(ctx, ";")
		s = ctx + strings.TrimPrefix(rest, "tel:")
	}
	s = strings.TrimRight(s, " .,;/-")
	for range 2 { // x302/x2303
		m := extension.FindStringSubmatch(s)
		if m == nil || len(fold.OnlyDigits(m[1])) < 6 {
			break
		}
		s = m[1]
	}
	w := writtenNumber{bare: s}
	var bare strings.Builder
	vanity := 0
	for len(s) > 0 {
		i := strings.IndexFunc(s, unicode.IsLetter)
		if i < 0 {
			bare.WriteString(s)
			break
		}
		bare.WriteString(s[:i])
		s = s[i:]
		j := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) })
		if j < 0 {
			j = len(s)
		}
		word := s[:j]
		s = s[j:]
		switch {
		case phoneLabels[fold.Lower(word)]:
			bare.WriteByte(' ')
		case isASCIILetters(word) && hasDigit(bare.String()):
			vanity += len(word)
			bare.WriteString(word)
		default:
			w.stripped = w.stripped || hasDigit(bare.String())
			bare.WriteByte(' ')
		}
	}
	w.bare = strings.TrimSpace(bare.String())
	w.digits = fold.OnlyDigits(w.bare)
	if vanity >= 3 {
		w.letters = keypadDigits(w.bare)
	}
	w.stripped = w.stripped || vanity > 0
	if i := strings.IndexAny(w.bare, "+0123456789"); i >= 0 {
		w.international = w.bare[i] == '+' || strings.HasPrefix(w.digits, "00")
	}
	if loc := trunkZero.FindStringIndex(w.bare); loc != nil {
		w.trunk = len(fold.OnlyDigits(w.bare[:loc[0]]))
	}
	return w
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func isASCIILetters(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || !isAlnum(r) }) < 0
}

// keypadDigits replaces letters by the digits on the same keys (ITU E.161).
func keypadDigits(s string) string {
	const keys = "22233344455566677778889999"
	return strings.Map(func(r rune) rune {
		switch l := r | 0x20; {
		case '0' <= r && r <= '9':
			return r
		case 'a' <= l && l <= 'z':
			return rune(keys[l-'a'])
		}
		return -1
	}, s)
}
