package match

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// traceName gives a name of a person in NFC and lower case, without white
// space, punctuation or symbols, without title or degree (docs/meta.md 3.1:
// valéry keeps its accent). key is what the match key is called.
func traceName(raw, key string, t *Trace) Value {
	if t == nil {
		if v, ok := plainName(raw); ok {
			return Value{Form: v}
		}
	}
	s := cleanText(raw, t)
	if s == "" {
		return Value{}
	}
	if n, done := hashedOr(key, s, t); done {
		return n
	}
	if IsPlaceholder(s) || IsDefaultCustomer(s) {
		return Placeholder(key)
	}
	if strings.Contains(s, "?") {
		return LeftOut(key, "invalid", whyLostLetter)
	}
	if IsCompany(s) {
		return LeftOut(key, "placeholder", "is a company's, not a person's")
	}
	if strings.Contains(s, "@") {
		return LeftOut(key, "invalid", "is an address, not a name")
	}
	if u := withoutAsides(s); u != s {
		t.add("nickname or remark in brackets or quotes dropped", u)
		s = u
	}
	if u, _ := shedTitles(s); u != s {
		t.add("title dropped", u)
		s = u
	}
	if u := shedDegrees(s); u != s {
		t.add("degree dropped", u)
		s = u
	}
	if isTitle(s) {
		return LeftOut(key, "placeholder", "is a title without a name")
	}
	v := fold.Keep(fold.Lower(s), fold.IsWordy)
	t.add("lower case, no white space, no punctuation", v)
	switch {
	case isPlaceholderForm(v):
		return Placeholder(key)
	case strings.IndexFunc(v, unicode.IsLetter) < 0:
		return LeftOut(key, "invalid", "holds no letter")
	}
	return Value{Form: v}
}

// isSimpleWord reports one word of ASCII letters.
func isSimpleWord(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != ""
}

func runOfOne(s string) bool { return strings.Trim(s, s[:1]) == "" }

var (
	brackets = regexp.MustCompile(`\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}`)
	quoted   = regexp.MustCompile(`(^|\s)(?:"[^"]+"|“[^”]+”|„[^“”]+[“”]|«[^»]+»|'[^' ]+'|‘[^’ ]+’)(\s|$)`)
)

// withoutAsides drops what stands in brackets, and a nickname in quotes, when
// a name is left without it: John "Johnny" Doe, Smith (née Jones).
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

// titles are words that come before a name and are no part of it. Words that
// are somebody's first name are missing on purpose: Don, Dean, Major, Earl,
// Lady, Prince, Pastor, Sri, Judge.
var titles = wordSet(`mr mister mrs missus ms miss mx dr doctor prof professor sir madam ma'am
	madame mme mlle mademoiselle monsieur messieurs mm maître docteur professeur
	herr hr herrn frau frl fräulein fraulein doktor dipling diplom dring drmed drphil familie eheleute
	sr sra srta señor señora señorita senor senora senorita dra doctora dña profa
	senhor senhora doutor doutora exmo exma dhr mevr mevrouw mw meneer mijnheer drs
	sig sigra signa signor signora signorina dott dottssa dottore dottoressa avv gentma egr
	fru fröken froken hra rva rev reverend capt captain sgt sergeant lt lieutenant famille familia
	shri smt bayan sayın
	господин госпожа гн гжа д-р κος κύριος κυρία السيد السيدة الدكتور الآنسة`)

// dottedTitles are titles only with a full stop: without it they are names or
// ordinary words.
var dottedTitles = wordSet(`hc eh fr ing mag med col gen maj hon dn phil jur rer nat habil med univ ir fam msgr adv cllr gov sen rep pres cmdr kap op`)

// givenTitles go before a first name, the others before a surname.
var givenTitles = wordSet("sir doña dña dn shri")

// isTitle reports that s is one title and nothing else.
func isTitle(s string) bool {
	w := titleKey(s)
	if strings.Contains(w, "/") {
		return isEitherTitle(w)
	}
	return titles[w] || dottedTitles[w] && strings.HasSuffix(s, ".")
}

// isEitherTitle reports the title of a form that does not know: Pan/Pani, Mr/Mrs.
func isEitherTitle(w string) bool {
	for part := range strings.SplitSeq(w, "/") {
		if !titles[part] && !dottedTitles[part] && !eitherTitles[part] {
			return false
		}
	}
	return true
}

// eitherTitles are titles beside another one; alone they are names.
var eitherTitles = wordSet("pan pani pán paní hr m mlle d dña a o na in")

func titleKey(w string) string {
	w = fold.Lower(w)
	if i := strings.IndexByte(w, '\''); i > 0 && w != "ma'am" {
		return w
	}
	w = strings.ReplaceAll(w, "-", "")
	return strings.ReplaceAll(strings.TrimRight(w, ".,:"), ".", "")
}

// shedTitles takes the leading titles off, "Mr & Mrs" and "Prof. Dr. med."
// included, as long as a name is left. last is the last title taken.
func shedTitles(s string) (rest, last string) {
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

// isShortTitle reports the M. of Monsieur and the D. of Don, which are as often
// an initial: titles are they before a first and a last name, and M. before
// Madame (M. et Mme Dupont).
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

// cutTitleWord cuts the first word off; a full stop ends a title too
// (Dr.Smith). ok is false when nothing would be left.
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

// degrees follow a name in this spelling; commaDegrees only after a comma.
// Facebook's names carry neither. Jr., Sr. and III are part of the name.
var (
	degrees = wordSet(`PhD Ph.D. Ph.D M.D. M.D D.D.S. DDS D.M.D. Esq Esq. Esquire MBA M.B.A. CPA C.P.A. DVM D.V.M. MSc M.Sc. BSc B.Sc. OBE MBE CBE FRCS
		LLM LL.M. LL.B. M.A. B.A. R.N. J.D. B.Eng. M.Eng. Dipl.-Ing. MdB`)
	commaDegrees = wordSet(`phd md dds dmd esq esquire mba cpa dvm msc bsc ma ba rn jd llm llb obe mbe cbe kc qc frcs np pa pe pmp dr prof ing dipling mr mrs ms sr sra miss herr frau`)
)

func shedDegrees(s string) string {
	for {
		i := strings.LastIndexAny(s, " ,")
		if i <= 0 {
			return shedHonorific(s)
		}
		word, before := s[i+1:], strings.TrimRight(s[:i], " ")
		comma := s[i] == ',' || strings.HasSuffix(before, ",")
		before = strings.TrimRight(before, " ,")
		if fold.Squash(before) == "" || !degrees[word] && !(comma && commaDegrees[titleKey(word)] && !strings.EqualFold(word, "sr.") && !strings.EqualFold(word, "sr")) {
			return shedHonorific(s)
		}
		s = before
	}
}

// shedHonorific drops what Japanese and Korean letters address people with.
func shedHonorific(s string) string {
	for _, h := range []string{"様", "さん", "님"} {
		if u := strings.TrimRight(strings.TrimSuffix(s, h), " "); u != s && len(u) >= 6 {
			return u
		}
	}
	return s
}
