package match

import (
	"strings"

	"relay/mapper/fold"
)

// genderOf maps words to a gender: words of Meta's parameter builder that a till could send
// (docs/meta.md 3.3), and words and single letters on forms in other languages. m is always
// male, although it means mujer on Spanish forms: Meta's rule takes precedence.
var genderOf = func() map[string]string {
	m := make(map[string]string)
	for w := range strings.FieldsSeq(`m male man men boy gentleman guy sir mister mr son father dad husband brother he him his himself
		h homme masculin garçon monsieur männlich maennlich mann herr junge hombre masculino varón varon señor masc
		homem maschio maschile uomo mannelijk heer mand mies mężczyzna muž muz férfi erkek erkeği e bărbat
		м муж мужской мужчина άνδρας ανδρας άντρας ذكر رجل 男 男性 男子 男士 남 남자 남성 זכר גבר пол-мужской`) {
		m[w] = "m"
	}
	for w := range strings.FieldsSeq(`f female woman women girl lady gentlewoman miss ms mrs madam ma'am daughter mother mom mum wife sister she her hers herself
		femme féminin feminin fille madame mme mademoiselle weiblich w frau mädchen maedchen mujer femenino señora señorita fem femenina
		mulher feminino femmina femminile donna vrouw vrouwelijk v mevrouw kvinna kvinde kvinne k nainen kobieta žena zena nő kadın kadin femeie
		ж жен женский женщина γυναίκα γυναικα أنثى انثى امرأة 女 女性 女子 女士 여 여자 여성 נקבה אישה`) {
		m[w] = "f"
	}
	return m
}()

// normaliseGender returns m or f and rejects everything else (docs/meta.md 3.1).
func normaliseGender(raw string, t *Trace) Value {
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if s == "m" || s == "f" {
		return Value{Form: s}
	}
	if n, done := checkHash("gender", s, t); done {
		return n
	}
	l := fold.Lower(s)
	g, ok := genderOf[l]
	if !ok { // "F.", "(m)", "F - Female", "she/her": all words must agree
		words := 0
		for w := range strings.FieldsFuncSeq(l, func(r rune) bool { return !fold.IsLetterish(r) }) {
			one := genderOf[w]
			if words++; one == "" || g != "" && one != g {
				g = ""
				words = -1
				break
			}
			g = one
		}
		ok = words > 0
	}
	switch {
	case ok:
		t.add("one letter", g)
		return Value{Form: g}
	case IsPlaceholder(s):
		return Reject("gender", "placeholder", "is a placeholder")
	}
	return Reject("gender", "unknown", "is neither m nor f, the only values that Meta matches")
}
