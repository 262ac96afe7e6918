package event

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// TestTimesInManyLanguages reads dates as programs print them in the languages that fold.Month
// knows, with weekdays and other words around them.
func TestTimesInManyLanguages(t *testing.T) {
	const second, minute, day, unreadable = "2026-11-20T16:00:27Z", "2026-11-20T16:00:00Z", "2026-11-20T00:00:00Z", ""
	for text, want := range map[string]string{
		// Long and short formats of JavaScript and Java.
		"Friday, November 20, 2026 at 4:00 PM": minute, "Nov 20, 2026, 4:00:27 PM": second, "Friday, 20 November 2026 at 16:00": minute,
		"Freitag, 20. November 2026 um 16:00": minute, "Freitag, den 20. November 2026, 16:00 Uhr": minute, "20.11.2026, 16:00:27": second, "Fr, 20.11.2026 16:00": minute,
		"vendredi 20 novembre 2026 à 16:00": minute, "20 nov. 2026, 16:00:27": second, "vendredi 20 novembre 2026 16h00": minute, "20 novembre 2026 à 16 h": minute, "mar. 24 nov. 2026": "2026-11-24T00:00:00Z",
		"viernes, 20 de noviembre de 2026, 16:00": minute, "20 de noviembre de 2026 16:00": minute, "20 nov 2026 a las 16:00": minute, "20 de setiembre del 2026": "2026-09-20T00:00:00Z",
		"sexta-feira, 20 de novembro de 2026 às 16:00": minute, "20 de nov. de 2026, 16:00:27": second, "20 DE NOVEMBRO DE 2026": day,
		"venerdì 20 novembre 2026 alle ore 16:00": minute, "20-nov-26 16.00": minute,
		"vrijdag 20 november 2026 om 16:00": minute, "20 nov. 2026 16:00 uur": minute, "20 november 2026 16u00": minute,
		"piątek, 20 listopada 2026 16:00": minute, "20 lis 2026, 16:00:27": second, "20-lis-26": day, "20 XI 2026 godz. 16:00": minute, "20-lip-2026": "2026-07-20T00:00:00Z",
		"pátek 20. listopadu 2026 v 16:00": minute, "20. 11. 2026 16:00:27": second, "20. srp 2026": "2026-08-20T00:00:00Z",
		"piatok 20. novembra 2026 o 16:00": minute, "2026. november 20., péntek 16:00": minute, "2026. nov. 20. 16:00:27": second, "2026. XI. 20.": day,
		"vineri, 20 noiembrie 2026 la 16:00": minute, "petek, 20. november 2026 ob 16:00": minute, "petak, 20. studenoga 2026. u 16:00": minute,
		"петак, 20. новембар 2026. 16:00": minute, "20. 11. 2026. 16:00:27": second, "петък, 20 ноември 2026 г. в 16:00": minute, "20.11.2026 г., 16:00:27": second,
		"пятница, 20 ноября 2026 г. в 16:00": minute, "20 нояб. 2026 г., 16:00:27": second, "20 ноя 2026 16:00": minute, "20 ноя. 2026 16:00:27": second, "20 сен 2026": "2026-09-20T00:00:00Z", "20 фев 2026": "2026-02-20T00:00:00Z", "20 НОЯБРЯ 2026": day, "пʼятниця, 20 листопада 2026 р. о 16:00": minute,
		"2026 m. lapkričio 20 d., penktadienis 16:00": minute, "piektdiena, 2026. gada 20. novembris 16:00": minute, "reede, 20. november 2026, kell 16:00": minute,
		"perjantai 20. marraskuuta 2026 klo 16.00": minute, "20.11.2026 klo 16.00.27": second, "pe 20.11.2026 16.00": minute,
		"fredag 20 november 2026 kl. 16:00": minute, "fredag den 20. november 2026 kl. 16.00": minute, "20. nov. 2026, 16.00.27": second, "föstudagur, 20. nóvember 2026 kl. 16:00": minute,
		"Παρασκευή 20 Νοεμβρίου 2026 στις 4:00 μ.μ.": minute, "20 Νοε 2026, 4:00:27 μ.μ.": second,
		"20 Kasım 2026 Cuma 16:00": minute, "20 KASIM 2026": day, "20 Kas 2026 16:00:27": second, "20 Şubat 2026": "2026-02-20T00:00:00Z",
		"Jumat, 20 November 2026 pukul 16.00": minute, "20 Agu 2026, 16.00.27": "2026-08-20T16:00:27Z", "divendres, 20 de novembre del 2026, a les 16:00": minute, "20 d’agost de 2026": "2026-08-20T00:00:00Z",
		"2026年11月20日金曜日 16:00": minute, "2026年11月20日(金) 16時00分27秒": second, "2026年11月20日 午後4:00": minute, "2026年11月20日 16:00:27": second, "2026年11月20日星期五 下午4:00": minute, "2026年11月20日": day,
		"2026년 11월 20일 금요일 오후 4:00": minute, "2026년 11월 20일 16시 00분": minute, "2026. 11. 20. PM 4:00:27": second,
		"20 نوفمبر 2026 4:00 م": minute,

		// Databases, web servers, cameras.
		"20Nov2026": day, "20NOV2026:16:00:27": second, "20nov26": day, "20-NOV-26 04.00.27.123456 PM": second, "20-NOV-2026 16:00:27": second, "20/Nov/2026:16:00:27 +0000": second,
		"2026-11-20-16.00.27.123456": second, "2026-11-20_16-00-27": second, "20261120_160027": second, "20261120-16:00:27": second, "2026:11:20 16:00:27": second,
		"2026-11-20 17:00:27 Europe/Berlin": second, "20.11.2026 17:00 Europe/Berlin": minute, "2026-11-20T16:00:27 Etc/UTC": second, "2026-11-20T16:00:27[Etc/UTC]": second, "2026-11-20 16:00 Foo/Bar": unreadable,
		"Nov 20 2026  4:00PM": minute, "20 Nov 2026 4:00p": minute, "16:00 20.11.2026": minute, "20.11.2026 16.00": minute, "2026-11-20 16:00h": minute,

		// A date column with midnight as its time, joined with a time column with a default date.
		"20.11.2026 00:00:00 30.12.1899 16:00:27": second, "20.11.2026 00:00 16:00": minute, "20.11.2026 30.12.1899 16:00:27": second, "2026-11-20 00:00:00 1899-12-30 16:00:27": second,
		"2026-11-20T00:00:00.000Z 1899-12-30T16:00:27.000Z": second, "2026-11-20 00:00:00.000 1900-01-01 16:00:27.000": second, "30.12.1899 16:00:27 20.11.2026 00:00:00": second,
		"20.11.2026 00:00:00 30.12.1899 00:00:00": day, "20/11/2026 00:00:00 30/12/1899 16:00:27": second, "11/20/2026 12:00:00 AM 12/30/1899 4:00:27 PM": second,
		"05/11/2026 00:00:00 30/12/1899 16:00:27": "2026-11-05T16:00:27Z", "11/05/2026 12:00:00 AM 12/30/1899 4:00:27 PM": "2026-11-05T16:00:27Z", "2026-11-20 00:00:00 0001-01-01 16:00:27": second,
		"20 nov 2026 00:00:00 30 dec 1899 16:00:27": second, "2026-11-20 00:00:00 1970-01-01T16:00:27": second,

		"05/11/2026 00:00:00 01/01/1900 16:00:27": unreadable, "20.11.2026 10:00:00 30.12.1899 16:00:00": unreadable, "20.11.2026 00:00:00 21.11.2026 16:00:00": unreadable,
		"30.12.1899 16:00:00": unreadable, "20. listopada 2026": unreadable, "20 Nov 2026 and more": unreadable, "20 Foo 2026": unreadable, "20 nov okt 2026": unreadable, "31 Nov 2026": unreadable,
		"Refund 20.11.2026 16:00": unreadable, "20/11/2026 16h00": unreadable, "Nov 20": unreadable, "令和8年11月20日": unreadable,
	} {
		got := ""
		if at, ok := ReadTime([]byte(Quote(text)), time.UTC); ok {
			got = at.Truncate(time.Second).Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestCroatianMonths checks month names that mean another month in Polish or Czech.
func TestCroatianMonths(t *testing.T) {
	zagreb, err := time.LoadLocation("Europe/Zagreb")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]time.Month{"20. listopada 2026.": 10, "20. lip 2026.": 6, "20. studenoga 2026.": 11, "20. srp 2026": 7} {
		at, ok := ReadTime([]byte(Quote(text)), zagreb)
		if !ok || at.In(zagreb).Month() != want {
			t.Errorf("%s: %v %v", text, at, ok)
		}
	}
}
