package fold

import "strings"

// A month in the words of the languages that tills write, in lower case.
var (
	monthNames = [12]string{
		"january jan januar jänner janvier janv enero ene gennaio gen janeiro januari stycznia января ocak tammikuuta leden ledna",
		"february feb februar februari fevrier février févr fév fev febrero febbraio fevereiro lutego февраля şubat subat",
		"march mar märz maerz mrz mär mars marzo março marco maart mrt marca марта mart",
		"april apr avril avr abril abr aprile kwietnia апреля nisan",
		"may mai mayo maggio mag maio mei maja maj мая mayıs",
		"june jun juni juin junio giugno giu junho czerwca июня haziran",
		"july jul juli juillet juil julio luglio lug julho lipca июля temmuz",
		"august aug août aout agosto ago augustus augusti sierpnia августа ağustos",
		"september sep sept septembre septiembre settembre set setembro września сентября eylül",
		"october oct oktober okt octobre octubre ottobre ott outubro out października октября ekim",
		"november nov novembre noviembre novembro listopada ноября kasım",
		"december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro desember grudnia декабря aralık",
	}
	months = func() map[string]int {
		m := make(map[string]int)
		for i, names := range monthNames {
			for w := range strings.FieldsSeq(names) {
				m[w] = i + 1
			}
		}
		return m
	}()
)

// Month is the number of a month in words, which are in lower case.
func Month(w string) (int, bool) {
	m, ok := months[w]
	return m, ok
}
