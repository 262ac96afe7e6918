package match

import (
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// A customer's name field can hold a company name, which identifies no person. A company is
// recognised by its legal form.
var (
	legalForms = wordSet(`gmbh mbh ggmbh ohg gbr partg partgmbb kgaa gmbhcokg gmbhcoohg ugcokg haftungsbeschrankt eingetragenekauffrau
		inc incorporated llc ltd limited corp corporation plc llp lllp coltd pty pte ptyltd pteltd sdnbhd bhd pvt pvtltd
		sarl sasu eurl scop sprl bvba cvba srl srls sapa ltda lda eireli slu sll sadecv sapi
		bv nv vof oyj spzoo spolka sro doo kft zrt nyrt eood ood ead sicav
		ооо оао зао пао тов прат пат еоод оод еад αε επε
		limitedsirketi anonimsirketi sti ltdsti şti ltdşti limitedşirketi anonimşirketi בעמ`)
	ambiguousForms = wordSet(`ag aps kg ug ek ev eg sa as ab asa oy bt kk sc snc sas spa sp se sia uab ks ap pc pa kb hb`)
	affixForms     = []string{"株式会社", "有限会社", "合同会社", "合資会社", "有限公司", "有限责任公司", "股份公司", "公司", "商行", "주식회사", "유한회사", "(주)", "㈜", "(株)", "บริษัท", "หจก", "شركة", "בע״מ", "בע\"מ", "công ty"}
)

// IsCompany reports whether a name is a company's: its last word is a legal form, or its first
// word in languages that put it there. A legal form that is also a surname (Sa, Sas) counts
// only with its full stops, or in capitals next to lower-case letters.
func IsCompany(name string) bool {
	if !fold.IsPlainASCII(name) {
		for _, form := range affixForms {
			if strings.HasPrefix(name, form) || strings.HasSuffix(name, form) {
				return len(name) > len(form)
			}
		}
	}
	words := strings.Fields(name)
	if len(words) < 2 {
		return false
	}
	if legalForms[letters(words[0])] && !fold.IsPlainASCII(words[0]) { // ООО Ромашка
		return true
	}
	small := strings.IndexFunc(name, unicode.IsLower) >= 0
	tail := ""
	for i := len(words) - 1; i > 0 && i >= len(words)-4; i-- {
		word := words[i]
		tail = letters(word) + tail
		if legalForms[tail] {
			return true
		}
		bare := strings.Trim(word, ",;()")
		if i == len(words)-1 && ambiguousForms[letters(word)] && (strings.Count(bare, ".") > 1 || strings.Contains(bare, "/") || small && strings.ToUpper(bare) == bare || bare == "ApS" || bare == "e.K") {
			return true
		}
	}
	return false
}

// IsLegalForm reports whether a normal form is only a legal form: GmbH.
func IsLegalForm(form string) bool { return legalForms[letters(form)] }

// letters returns the letters of a word in lower case. It keeps accents: İnç is not Inc.
func letters(word string) string { return fold.Keep(fold.Lower(word), fold.IsLetterish) }
