package rows

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"relay/mapper/event"
	"relay/mapper/fold"
)

// Suggestion guesses which columns of a table are the time, order number, amount and customer
// that no column is named for, from their headers and the cells of this row. It returns them as
// arguments of relay import, or "".
func (r *Row) Suggestion() string {
	if r.table == nil || len(r.cells) != len(r.table.Header) {
		return ""
	}
	if filled(r.table.Header) == 1 && filled(r.cells) > 2 { // a title, with the header below it
		return fmt.Sprintf("--header-row %d", r.line)
	}
	l := suggester{header: r.table.Header, cells: r.cells, taken: r.cols.filled}
	var all []string
	for _, place := range []struct{ path, from string }{
		{"timestamp", l.time()},
		{"order_id", l.named(orderWords, isNumber)},
		{"revenue", l.named(amountWords, isAmount)},
		{"context.traits.email", l.like(addressLike.MatchString)},
		{"context.traits.phone", l.named(phoneWords, isPhone)},
	} {
		if place.from != "" && !r.cols.filled[place.path] && !slices.Contains(r.table.Header, place.path) {
			all = append(all, "--column '"+place.path+"="+place.from+"'")
		}
	}
	return strings.Join(all, " ")
}

func filled(cells []string) (n int) {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			n++
		}
	}
	return n
}

// suggester finds the columns for Row.Suggestion.
type suggester struct {
	header, cells []string
	taken         map[string]bool // paths that columns fill, and the headers of those columns
}

// Words in headers, as fold.Letters returns them, in the languages of fold.Month.
var (
	timeWords   = strings.Fields("date datum fecha data dato datu paiva pvm tarih tanggal дата ημερομηνια 日付 日期 日時 날짜 zeitpunkt created paid sold when")
	orderWords  = strings.Fields("order bon beleg rechnung receipt invoice ticket pedido commande facture ordine scontrino paragon doklad uctenk nyugta fis siparis kvitto kuitti kvittering factura encomenda bestell bestelling чек заказ 注文 伝票 订单 單號 주문 transaction transaktion vorgang")
	amountWords = strings.Fields("total amount sum betrag gesamt brutto umsatz importe montant kwota razem wartosc totaal bedrag celkem castka osszeg toplam tutar valor revenue netto сумма итого 金額 合計 金额 총액 belop belob summa preis price")
	phoneWords  = strings.Fields("phone telefon telefono telephone tel mobil mobile handy gsm puhelin celular cellulare телефон 電話 电话 전화")

	midnight = regexp.MustCompile(`(?i)\b(00?:00(:00(\.0+)?)?|12:00(:00)? ?am)\b`)
	clockIn  = regexp.MustCompile(`\d{1,2}[:.h]\d{2}([^.\d]|$)|\d ?[ap]m`)
	clock    = regexp.MustCompile(`(?i)^\d{1,2}:\d{2}(:\d{2})?( ?[ap]\.?m\.?)?$`)
)

// like returns the first free column whose cell satisfies is.
func (l *suggester) like(is func(string) bool) string {
	for i, c := range l.cells {
		if c, _ = plainCell(c); l.free(i) && is(c) {
			return l.header[i]
		}
	}
	return ""
}

func (l *suggester) free(i int) bool { return l.header[i] != "" && !l.taken[l.header[i]] }

// named returns the first free column whose header contains one of the words and whose cell
// satisfies is. Earlier words take precedence.
func (l *suggester) named(words []string, is func(string) bool) string {
	for _, w := range words {
		for i, h := range l.header {
			if c, _ := plainCell(l.cells[i]); l.free(i) && strings.Contains(fold.Letters(h), fold.Letters(w)) && is(c) {
				return h
			}
		}
	}
	return ""
}

func (l *suggester) time() string {
	date := l.named(timeWords, isDate)
	if date == "" {
		date = l.like(isDate)
	}
	at := slices.Index(l.header, date)
	if date == "" || clockIn.MatchString(midnight.ReplaceAllString(l.cells[at], "")) {
		return date
	}
	for i, h := range l.header {
		c, _ := plainCell(l.cells[i])
		if joined, _ := event.JoinDateAndTime("20.11.2026 " + c); h != date && l.free(i) && clock.MatchString(strings.TrimPrefix(joined, "20.11.2026 ")) {
			return date + " + " + h
		}
	}
	return date
}

// isDate reports whether a cell is a date, in any order of its parts.
func isDate(s string) bool {
	c := event.Times{Loc: time.UTC}
	_, ok := c.ReadText(s, time.Time{})
	return strings.ContainsAny(s, "-/. :年,") && ok || momentLike.MatchString(s)
}

func isNumber(s string) bool {
	return len(s) <= 40 && strings.ContainsAny(s, "0123456789") && !isDate(s)
}

func isPhone(s string) bool {
	return len(fold.OnlyDigits(s)) >= 6 && strings.Trim(s, "0123456789 +-/().") == ""
}

var amountForm = regexp.MustCompile(`^\D{0,6}\d[\d.,' ]*\D{0,6}$`)

func isAmount(s string) bool { return amountForm.MatchString(s) && !isDate(s) }
