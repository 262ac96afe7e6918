package match

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/biter777/countries"

	"relay/mapper/fold"
)

// countryNames has one line per country: its ISO alpha-2 code, then its names in the CLDR
// languages that tills use, in the form of fold.Letters. countries_gen.go writes it.
//
//go:embed countries.txt
var countryNames string

// countryAliases are names that neither CLDR nor the library has, and parts of countries that
// people enter as the country.
const countryAliases = `
us usofa usofamerica america unitedstatesofamerica theunitedstates unitedstateofamerica unitedstate unitesstates eeuu eua ee estadosunidosdeamerica
us estadosunidosdamerica etatsunisdamerique vereinigtestaatenvonamerika statiunitidamerica amerika amerique usausa unitedstatesusa сша американ 미국 美國 米国
gb uk greatbritain britain england scotland wales northernireland ulster unitedkingdomofgreatbritainandnorthernireland unitedkingdomgreatbritain theunitedkingdom
gb inglaterra angleterre inghilterra engeland england ecosse schottland escocia scozia schotland paysdegalles gales galles nordirland irlandedunord irlandadelnorte
gb grossbritannien granbretana granbretagna grandebretagne grabretanha grootbrittannie storbritannien eng sco wal nir англия великобритания イギリス 英国 英國 영국
nl holland thenetherlands hollande holanda olanda dieniederlande nederlanden lespaysbas ned 荷兰 荷蘭 オランダ
de brd bundesrepublikdeutschland federalrepublicofgermany ger westgermany
es reinodeespana kingdomofspain espanha
fr republiquefrancaise frenchrepublic metropolitanfrance francemetropolitaine
ch sui confoederatiohelvetica confederationsuisse swissconfederation swiss lasuisse dieschweiz
at republikosterreich republikoesterreich oesterreich osterreich
dk den kingdomofdenmark
pt por
gr gre hellas ellada el hellenicrepublic
hr cro
bg bul
za rsa
br republicafederativadobrasil
mx mejico estadosunidosmexicanos
cz czech czechrepublic czechia tschechei tschechischerepublik ceskarepublika cesko republiquetcheque republicacheca repubblicaceca
ie eire republicofireland irishrepublic roi southernireland
kr southkorea korea rok republicofkorea koreasouth 대한민국 남한
kp northkorea dprk koreanorth democraticpeoplesrepublicofkorea koreademocraticpeoplesrepublicof
cn prc mainlandchina peoplesrepublicofchina chine
tw taiwanroc taiwanprovinceofchina republicofchina formosa chinesetaipei
hk hongkong hongkongsar hongkongsarchina
mo macau macao macausar
cd drc drcongo rdc democraticrepublicofcongo democraticrepublicofthecongo congodemocraticrepublic congokinshasa congothedemocraticrepublicofthe zaire congodrc republiquedemocratiqueducongo
cg congo republicofthecongo congorepublic congobrazzaville
ci ivorycoast cotedivoire
sz swaziland eswatini
mk macedonia northmacedonia fyrom
mm burma myanmar birma
tl easttimor timorleste
cv capeverde caboverde
va vatican vaticancity holysee vatikan vaticancitystate holyseevaticancitystate
ae uae emirates unitedarabemirates vae
sa ksa saudi
ru russianfederation russia
sy syria syrianarabrepublic
la laos laopeoplesdemocraticrepublic lao
ir iran islamicrepublicofiran iranislamicrepublicof persia
vn vietnam
md moldova republicofmoldova moldovarepublicof
tz tanzania unitedrepublicoftanzania tanzaniaunitedrepublicof
bo bolivia plurinationalstateofbolivia boliviaplurinationalstateof
ve venezuela bolivarianrepublicofvenezuela venezuelabolivarianrepublicof
bn brunei bruneidarussalam
ps palestine stateofpalestine palestinestateof palestinianterritories
vi usvirginislands virginislandsus unitedstatesvirginislands
vg britishvirginislands virginislandsbritish
tr turkiye turkei
ua theukraine
gm thegambia
bs thebahamas
ph thephilippines pilipinas
sd thesudan
do dominicanrepublic republicadominicana
cf centralafricanrepublic car
pg papuanewguinea png
nz aotearoa
bq bonairesinteustatiusandsaba bonaire caribbeannetherlands
cw curacao
sh sthelena sainthelena
kn stkittsandnevis stkitts
lc stlucia
vc stvincent stvincentandthegrenadines stvincentgrenadines
st saotomeandprincipe
ba bosnia bosniaherzegovina
tt trinidad trinidadtobago tobago
ag antigua antiguabarbuda
fm micronesia federatedstatesofmicronesia
us アメリカ アメリカ合衆国 美利坚合众国
sa السعودية
ae الامارات
in भारत bharat
th ไทย ประเทศไทย
sk slovakrepublic theslovakrepublic slowakischerepublik slovenskarepublika
de d
`

// normaliseCountry returns the ISO 3166-1 alpha-2 code in lower case. It reads alpha-2, alpha-3
// and numeric codes and names (docs/meta.md 3.1).
func normaliseCountry(raw string, t *Trace) Value {
	s := cleanText(raw, t)
	if s == "" {
		return Value{}
	}
	if n, done := checkHash("country", s, t); done {
		return n
	}
	if code := countryOf(s); code != "" && (code != "na" || !IsPlaceholder(s) || isSimpleWord(s)) { // NA is Namibia, n/a is not
		if code != s {
			t.add("ISO 3166-1 alpha-2", code)
		}
		return Value{Form: code}
	}
	if IsPlaceholder(s) {
		return Reject("country", "placeholder", "is a placeholder")
	}
	return Reject("country", "unknown", "is not an ISO 3166-1 country")
}

// countryOf returns the alpha-2 code for a clean code or name, "" if it is unknown.
func countryOf(s string) string {
	if len(s) == 2 && isSimpleWord(s) { // the common case needs no table of names
		if c := fold.Lower(s); isoCountries()[c] {
			return c
		}
	}
	if len(s) > 100 {
		return ""
	}
	if code := flagOf(s); code != "" {
		s = code
	}
	if isLocale(s) {
		if c := fold.Lower(s[3:]); isoCountries()[c] {
			return c
		}
	}
	if len(s) == 3 && onlyOf(s, "0123456789") {
		n, _ := strconv.Atoi(s)
		return isoCode(countries.ByNumeric(n))
	}
	if code := countryByName(s); code != "" {
		return code
	}
	// "United States (US)", "DE - Germany", "Germany, Deutschland": all parts must be the same
	// country.
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("()[],/|;:–", r) })
	if len(parts) < 2 {
		parts = strings.Split(s, " - ")
	}
	if len(parts) < 2 {
		parts = strings.Split(s, "-")
	}
	if len(parts) < 2 || len(parts) > 4 {
		return ""
	}
	code := ""
	for _, p := range parts {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		c := countryByName(p)
		if c == "" || code != "" && c != code {
			return ""
		}
		code = c
	}
	return code
}

// isLocale reports whether s is a language with a country (de_DE, de-AT), not a country with a
// region (DE-BY).
func isLocale(s string) bool {
	return len(s) == 5 && (s[2] == '_' || s[2] == '-') && isSimpleWord(s[:2]) && isSimpleWord(s[3:]) && s[:2] == strings.ToLower(s[:2]) && (s[3:] == strings.ToUpper(s[3:]) || s[2] == '_')
}

// countryByName looks up a single code or name.
func countryByName(s string) string {
	f := fold.Letters(s)
	if strings.IndexFunc(s, func(r rune) bool { return '0' <= r && r <= '9' }) >= 0 {
		return ""
	}
	names := countryTable()
	if c := names[f]; c != "" {
		return c
	}
	for _, p := range []string{
		"the", "republicof", "therepublicof", "kingdomof", "thekingdomof", "federalrepublicof", "peoplesrepublicof", "stateof", "republikof",
		"republik", "republicade", "republicadel", "reinode", "repubblicadi", "republiquede", "republiquedu", "royaumede", "konigreich", "sultanateof", "principalityof", "grandduchyof",
	} {
		if rest, ok := strings.CutPrefix(f, p); ok && len(rest) > 3 {
			if c := names[rest]; c != "" {
				return c
			}
		}
	}
	if len(f) < 4 {
		return "" // the library reads vehicle and sports codes as countries
	}
	return isoCode(countries.ByName(s))
}

// isoCode returns the alpha-2 code in lower case, "" if it is not in ISO 3166-1. The library
// also has "Unknown", Kosovo and former countries.
func isoCode(c countries.CountryCode) string {
	if !c.IsValid() {
		return ""
	}
	if code := strings.ToLower(c.Alpha2()); isoCountries()[code] {
		return code
	}
	return ""
}

// flagOf returns the letters of a flag emoji, which is two regional indicators, or "".
func flagOf(s string) string {
	var code []byte
	for _, r := range s {
		if r < 0x1F1E6 || r > 0x1F1FF {
			return ""
		}
		code = append(code, 'a'+byte(r-0x1F1E6))
	}
	if len(code) != 2 {
		return ""
	}
	return string(code)
}

// isoCountries returns the current alpha-2 codes.
var isoCountries = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool, 256)
	for line := range strings.Lines(countryNames) {
		if line[0] != '#' {
			m[line[:2]] = true
		}
	}
	return m
})

// CountryOf returns the alpha-2 code of a normalised country. It also resolves a hashed
// country, so that phone numbers and postcodes can be read by it.
func CountryOf(v Value) string {
	if v.Hashed {
		return hashedCountries()[v.Form]
	}
	return v.Form
}

// hashedCountries returns the alpha-2 code for the hash of each code.
var hashedCountries = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, 256)
	for code := range isoCountries() {
		m[SHA256(code)] = code
	}
	return m
})

// countryTable returns the alpha-2 code for each folded code and name.
var countryTable = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, 8192)
	for _, table := range []string{countryNames, countryAliases} {
		for line := range strings.Lines(table) {
			f := strings.Fields(line)
			if len(f) == 0 || f[0][0] == '#' {
				continue
			}
			for _, name := range f[1:] {
				m[name] = f[0]
			}
		}
	}
	// Codes take precedence over names: "por" is the IOC's code for Portugal, whose alpha-3
	// code is prt.
	for code := range isoCountries() {
		m[code] = code
		if c := countries.ByName(code); c.IsValid() {
			m[strings.ToLower(c.Alpha3())] = code
		}
	}
	return m
})
