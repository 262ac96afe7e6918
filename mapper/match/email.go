package match

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// normaliseEmail returns the bare address, trimmed and in lower case (docs/meta.md 3.1). Dots,
// tags and Unicode domains stay: Meta hashes what the person typed, and nothing documents that
// it rewrites domains. A search for a person must therefore try both forms of such a domain
// (fold.EmailSpellings).
func normaliseEmail(raw string, t *Trace) Value {
	if t == nil {
		if v, ok := fastEmail(raw); ok {
			return Value{Form: v}
		}
	}
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("email", s, t); done {
		return n
	}
	if IsPlaceholder(s) || isNoAddress(s) {
		return RejectPlaceholder("email")
	}
	a := BareAddress(s)
	if a != s {
		t.add("display name, mailto: and brackets removed", a)
	}
	l := fold.Lower(a)
	if l != a {
		t.add("lower case", l)
	}
	local, domain, ok := splitAddress(l)
	if !ok {
		return Reject("email", "invalid", "is not one e-mail address")
	}
	if isPlaceholderAddress(local, domain) {
		return RejectPlaceholder("email")
	}
	return Value{Form: l}
}

// BareAddress removes what surrounds an address: a display name with angle brackets, mailto:, a
// trailing comment, quotes, and spaces next to @ and dots.
func BareAddress(s string) string {
	for range 3 { // nested: "Name <mailto:a@b.c?subject=x>"
		before := s
		if i := strings.LastIndexByte(s, '<'); i >= 0 {
			if j := strings.IndexByte(s[i:], '>'); j > 0 && strings.Contains(s[i:i+j], "@") {
				s = s[i+1 : i+j]
			}
		}
		if j := strings.LastIndexByte(s, '('); j > 0 && strings.HasSuffix(s, ")") && strings.Contains(s[:j], "@") {
			s = s[:j] // a@b.c (Name)
		}
		if j := strings.LastIndexByte(s, '['); j > 0 && strings.HasSuffix(s, "]") && strings.HasPrefix(strings.ToLower(s[j+1:]), "mailto:") {
			s = strings.TrimSuffix(s[j+1:], "]") // Outlook: Name [mailto:a@b.c]
		}
		s = strings.Trim(s, " \t\"'`<>()[]{},;:")
		if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
			s = s[7:]
			if i := strings.IndexByte(s, '?'); i >= 0 {
				s = s[:i]
			}
			if u, err := url.PathUnescape(s); err == nil && utf8.ValidString(u) {
				s = fold.Clean(u)
			}
		}
		if i := strings.IndexByte(s, ':'); i > 0 && isEmailLabel(s[:i]) {
			s = s[i+1:]
		}
		if s == before {
			break
		}
	}
	s = strings.TrimRight(s, ". ,;")
	if local, domain, ok := strings.Cut(s, "@"); ok && strings.HasSuffix(local, `"`) {
		s = strings.Trim(local, `"`) + "@" + domain // "taro..y."@docomo.ne.jp
	}
	if strings.Contains(s, " ") {
		s = joinAround(s, "@.")
	}
	return s
}

func isEmailLabel(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "email", "e-mail", "mail", "smtp", "correo", "courriel":
		return true
	}
	return false
}

// joinAround removes the spaces next to the given characters.
func joinAround(s, chars string) string {
	f := strings.Fields(s)
	var b strings.Builder
	for i, w := range f {
		if i > 0 && !strings.ContainsRune(chars, rune(f[i-1][len(f[i-1])-1])) && !strings.ContainsRune(chars, rune(w[0])) {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// splitAddress splits an e-mail address. It requires one @, a local part of RFC 5322 atoms with
// dots at any position, and a domain of at least two labels, of which the last has more than
// one character and does not start with a digit.
func splitAddress(s string) (local, domain string, ok bool) {
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || len(s) > 254 || len(local) > 64 || strings.Contains(domain, "@") {
		return "", "", false
	}
	if strings.Trim(local, ".") == "" || hasIllegalDots(local) && IsFreeMailHost(domain) {
		return "", "", false
	}
	for _, r := range local {
		if r < utf8.RuneSelf && !isAlnum(r) && !strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", r) {
			return "", "", false
		}
		if r >= utf8.RuneSelf && !fold.IsWordy(r) && !unicode.Is(unicode.So, r) {
			return "", "", false
		}
	}
	labels, last := 0, ""
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", "", false
		}
		for _, r := range label {
			if r != '-' && r != '_' && !fold.IsWordy(r) && !unicode.Is(unicode.So, r) {
				return "", "", false
			}
		}
		labels, last = labels+1, label
	}
	if labels < 2 || utf8.RuneCountInString(last) < 2 || strings.IndexFunc(last, unicode.IsDigit) == 0 {
		return "", "", false
	}
	return local, domain, true
}

// hasIllegalDots reports whether a local part has dots that RFC 5322 does not allow. Such
// addresses exist: Japanese phone companies issued addresses like taro..y.@docomo.ne.jp for
// years. The large free hosts never did.
func hasIllegalDots(local string) bool {
	return local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..")
}

// placeholderLocals are local parts that no customer has, at any domain.
var placeholderLocals = wordSet(`noreply donotreply dontreply neverreply noemail noemails nomail nomailaddress none null undefined unknown nobody
	noemailgiven noemailprovided notprovided noneprovided nonegiven notavailable notapplicable nothanks declined refused
	anonymous walkin walkincustomer cashcustomer cashsale mailerdaemon emailaddress youremail customeremail fakeemail fake dummy
	nereply nepasrepondre keineemail keinemail sinemail sincorreo notiene nincs asdf asdfgh qwerty
	test tests testing testuser testcustomer guest guests guestuser guestcustomer customer customers client clients cliente clientes default defaultcustomer
	laufkunde laufkundschaft barkunde testkunde clientcomptoir clientpassage clientedivers clientegenerico consumidorfinal clientepadrao`)

// exampleLocals are placeholders only at an example domain. Documentation and tests use other
// names there for people.
var exampleLocals = wordSet(`user kunde gast name email mail klant klient kund asiakas musteri zakaznik example sample someone info admin shop store pos you`)

// placeholderDomains are first labels of domains that tills invent.
var placeholderDomains = wordSet(`noemail nomail noreply none null undefined unknown fake fakeemail fakemail dummy noemailaddress notprovided nowhere
	noemailgiven noone nobody notavailable anonymous walkin nomailaddress`)

// repeatedWords are placeholders if the domain repeats them: test@test.com.
var repeatedWords = wordSet(`test tests testing tester guest email mail name user example customer client abc abcd abcdef xyz a b x xx xxx y z aa aaa
	aaaa bb bbb zz zzz na no nil nope no-email asdf qwerty asd qwe 123 1234 12345 111 1 0 00 000 temp info admin shop store pos cash sample you someone
	something anything foo bar none blank void
	kunde gast klant klient kund cliente asiakas musteri keine kein keiner ohne brak anonym anonyme anonimo anonimowy geen ingen nincs yok aucun ninguno nessuno nenhum`)

// noneLocals mean "none" in other languages. They are placeholders if the domain is a word for
// e-mail.
var noneLocals = wordSet(`keine kein keiner ohne brak geen ingen nincs yok aucun ninguno nessuno nenhum`)

// isPlaceholderAddress reports whether an address was entered only to fill the field.
func isPlaceholderAddress(local, domain string) bool {
	var buf, buf2 [64]byte
	bare := string(fold.AppendSquash(buf[:0], local))
	if i := strings.IndexByte(local, '+'); i > 0 {
		bare = fold.Squash(local[:i])
	}
	first, rest, _ := strings.Cut(domain, ".")
	label := string(fold.AppendSquash(buf2[:0], first))
	switch {
	case bare == "", placeholderLocals[bare], placeholderDomains[label]:
		return true
	case strings.HasPrefix(bare, "noreply"), strings.HasPrefix(bare, "donotreply"), strings.HasPrefix(bare, "bounce") && strings.Contains(local, "bounce+"):
		return true
	case onlyOf(bare, "x"), onlyOf(bare, "0"):
		return true
	case bare == label && repeatedWords[bare]:
		return true
	case strings.TrimRight(bare, "0123456789") == "test", label == "example" && exampleLocals[bare]:
		return true
	case (bare == "no" || noneLocals[bare]) && (label == "email" || label == "mail" && bare != "no"), bare == "email" && label == "domain", bare == "name" && label == "domain", bare == "user" && label == "domain":
		return true
	}
	// RFC 2606 reserves .invalid.
	return rest == "invalid" || strings.HasSuffix(rest, ".invalid")
}

// IsFreeMailHost reports whether a domain is a free mail host. These have strict rules for
// addresses, and the domain is shared by many people.
func IsFreeMailHost(domain string) bool {
	name, _, _ := strings.Cut(domain, ".")
	return freeMailHosts[name]
}

var freeMailHosts = wordSet("gmail googlemail yahoo hotmail outlook live aol icloud gmx web mail me msn")
