package match

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// normaliseName returns the name of a person in NFC and lower case, without white space,
// punctuation, symbols, title and degree (docs/meta.md 3.1: valéry keeps its accent). key is
// the name of the match key.
func normaliseName(raw, key string, t *Trace) Value {
	if t == nil {
		if v, ok := fastName(raw); ok {
			return Value{Form: v}
		}
	}
	s := cleanText(raw, t)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash(key, s, t); done {
		return n
	}
	if IsPlaceholder(s) || IsDefaultCustomer(s) {
		return RejectPlaceholder(key)
	}
	if strings.Contains(s, "?") {
		return Reject(key, "invalid", whyQuestionMark)
	}
	if IsCompany(s) {
		return Reject(key, "placeholder", "is the name of a company")
	}
	if strings.Contains(s, "@") {
		return Reject(key, "invalid", "is an e-mail address, not a name")
	}
	if u := withoutAsides(s); u != s {
		t.add("nickname or remark in brackets or quotes removed", u)
		s = u
	}
	if u, _ := trimTitles(s); u != s {
		t.add("title removed", u)
		s = u
	}
	if u := trimDegrees(s); u != s {
		t.add("degree removed", u)
		s = u
	}
	if isTitle(s) {
		return Reject(key, "placeholder", "is a title without a name")
	}
	v := fold.Keep(fold.Lower(s), fold.IsWordy)
	t.add("lower case, no white space, no punctuation", v)
	switch {
	case isPlaceholderForm(v):
		return RejectPlaceholder(key)
	case strings.IndexFunc(v, unicode.IsLetter) < 0:
		return Reject(key, "invalid", "contains no letter")
	}
	return Value{Form: v}
}

// isSimpleWord reports whether s is one word of ASCII letters.
func isSimpleWord(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != ""
}

func isRepeatedByte(s string) bool { return strings.Trim(s, s[:1]) == "" }

var (
	brackets = regexp.MustCompile(`\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}`)
	quoted   = regexp.MustCompile(`(^|\s)(?:"[^"]+"|“[^”]+”|„[^“”]+[“”]|«[^»]+»|'[^' ]+'|‘[^’ ]+’)(\s|$)`)
)

// withoutAsides removes text in brackets and a nickname in quotes, if the rest still has a
// name: John "Johnny" Doe, Smith (née Jones).
func withoutAsides(s string) string {
	if !strings.ContainsAny(s, "([{\"“„«'‘") {
		return s
	}
	u := brackets.ReplaceAllString(s, " ")
	u = quoted.ReplaceAllString(u, " ")
	u = strings.Join(strings.Fields(u), " ")
	if fold.Squash(u) == "" {
		return s
	}
	return u
}

// titles precede a name and are not part of it. Words that are also first names are missing on
// purpose: Don, Dean, Major, Earl, Lady, Prince, Pastor, Sri, Judge.
var titles = wordSet(`mr mister mrs missus ms miss mx dr doctor prof professor sir madam ma'am
	madame mme mlle mademoiselle monsieur messieurs mm maître docteur professeur
	herr hr herrn frau frl fräulein fraulein doktor dipling diplom dring drmed drphil familie eheleute
	sr sra srta señor señora señorita senor senora senorita dra doctora dña profa
	senhor senhora doutor doutora exmo exma dhr mevr mevrouw mw meneer mijnheer drs
	sig sigra signa signor signora signorina dott dottssa dottore dottoressa avv gentma egr
	fru fröken froken hra rva rev reverend capt captain sgt sergeant lt lieutenant famille familia
	shri smt bayan sayın
	господин госпожа гн гжа д-р κος κύριος κυρία السيد السيدة الدكتور الآنسة`)

// dottedTitles are titles only with a full stop. Without it they are names or ordinary words.
var dottedTitles = wordSet(`hc eh fr ing mag med col gen maj hon dn phil jur rer nat habil med univ ir fam msgr adv cllr gov sen rep pres cmdr kap op`)

// givenTitles precede a first name; the other titles precede a surname.
var givenTitles = wordSet("sir doña dña dn shri")

// isTitle reports whether s is a single title and nothing else.
func isTitle(s string) bool {
	w := titleKey(s)
	if strings.Contains(w, "/") {
		return isEitherTitle(w)
	}
	return titles[w] || dottedTitles[w] && strings.HasSuffix(s, ".")
}

// isEitherTitle reports whether w is the choice of titles on a form: Pan/Pani, Mr/Mrs.
func isEitherTitle(w string) bool {
	for part := range strings.SplitSeq(w, "/") {
		if !titles[part] && !dottedTitles[part] && !eitherTitles[part] {
			return false
		}
	}
	return true
}

// eitherTitles are titles only next to another one; alone they are names.
var eitherTitles = wordSet("pan pani pán paní hr m mlle d dña a o na in")

func titleKey(w string) string {
	w = fold.Lower(w)
	if i := strings.IndexByte(w, '\''); i > 0 && w != "ma'am" {
		return w
	}
	w = strings.ReplaceAll(w, "-", "")
	return strings.ReplaceAll(strings.TrimRight(w, ".,:"), ".", "")
}

// trimTitles removes leading titles, including "Mr & Mrs" and "Prof. Dr. med.", as long as a
// name remains. last is the last title removed.
func trimTitles(s string) (rest, last string) {
	rest = s
	for {
		word, after, ok := cutTitleWord(rest)
		if !ok {
			break
		}
		switch fold.Lower(word) {
		case "&", "+", "and", "und", "et", "y", "e", "en", "u.":
			if last == "" || !nextIsTitle(after) {
				return rest, last
			}
		default:
			if fold.Lower(word) == "de" && strings.HasPrefix(fold.Lower(after), "heer ") {
				word, after = "heer", after[len("heer "):]
			} else if !isTitle(word) && !isShortTitle(word, after) {
				return rest, last
			}
			last = titleKey(word)
		}
		rest = after
	}
	return rest, last
}

// isShortTitle reports whether word is the M. of Monsieur or the D. of Don and not an initial.
// It is a title before a first and a last name; M. also before Madame (M. et Mme Dupont).
func isShortTitle(word, after string) bool {
	switch fold.Lower(word) {
	case "m", "m.":
		if next, rest, ok := strings.Cut(after, " "); ok && (next == "&" || next == "et") && nextIsTitle(rest) {
			return true
		}
	}
	switch word {
	case "M.", "D.":
		first, _, several := strings.Cut(after, " ")
		return several && utf8.RuneCountInString(fold.Squash(first)) > 1
	}
	return false
}

func nextIsTitle(s string) bool {
	w, _, ok := cutTitleWord(s)
	return ok && isTitle(w)
}

// cutTitleWord cuts off the first word. A full stop also ends a title (Dr.Smith). ok is false
// if nothing would remain.
func cutTitleWord(s string) (word, rest string, ok bool) {
	i := strings.IndexByte(s, ' ')
	if d := strings.IndexByte(s, '.'); d > 0 && (i < 0 || d < i && !isTitle(s[:i])) && d+1 < len(s) && s[d+1] != ' ' && isTitle(s[:d+1]) {
		i = d + 1
	}
	if i < 0 {
		return "", "", false
	}
	word, rest = s[:i], strings.TrimLeft(s[i:], " .,:")
	return word, rest, fold.Squash(rest) != ""
}

// degrees follow a name in exactly this spelling; commaDegrees only after a comma. Names on
// Facebook have neither. Jr., Sr. and III are part of the name.
var (
	degrees = wordSet(`PhD Ph.D. Ph.D M.D. M.D D.D.S. DDS D.M.D. Esq Esq. Esquire MBA M.B.A. CPA C.P.A. DVM D.V.M. MSc M.Sc. BSc B.Sc. OBE MBE CBE FRCS
		LLM LL.M. LL.B. M.A. B.A. R.N. J.D. B.Eng. M.Eng. Dipl.-Ing. MdB`)
	commaDegrees = wordSet(`phd md dds dmd esq esquire mba cpa dvm msc bsc ma ba rn jd llm llb obe mbe cbe kc qc frcs np pa pe pmp dr prof ing dipling mr mrs ms sr sra miss herr frau`)
)

func trimDegrees(s string) string {
	for {
		i := strings.LastIndexAny(s, " ,")
		if i <= 0 {
			return trimHonorific(s)
		}
		word, before := s[i+1:], strings.TrimRight(s[:i], " ")
		comma := s[i] == ',' || strings.HasSuffix(before, ",")
		before = strings.TrimRight(before, " ,")
		if fold.Squash(before) == "" || !degrees[word] && !(comma && commaDegrees[titleKey(word)] && !strings.EqualFold(word, "sr.") && !strings.EqualFold(word, "sr")) {
			return trimHonorific(s)
		}
		s = before
	}
}

// trimHonorific removes the honorific suffixes of Japanese and Korean.
func trimHonorific(s string) string {
	for _, h := range []string{"様", "さん", "님"} {
		if u := strings.TrimRight(strings.TrimSuffix(s, h), " "); u != s && len(u) >= 6 {
			return u
		}
	}
	return s
}
