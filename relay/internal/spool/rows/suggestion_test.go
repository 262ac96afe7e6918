package rows

import (
	"bytes"
	"context"
	"testing"
)

func TestSuggestion(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Timestamp;Total;Email\n2026-11-20 16:00;12,50;ada@example.com\n", "--column 'timestamp=Timestamp' --column 'revenue=Total' --column 'context.traits.email=Email'"},
		{"Bon-Nr.;Datum;Uhrzeit;Netto;Brutto;E-Mail\nR-1;20.11.2026;16:00;10,00;11,90;ada@example.com\n", "--column 'timestamp=Datum + Uhrzeit' --column 'order_id=Bon-Nr.' --column 'revenue=Brutto' --column 'context.traits.email=E-Mail'"},
		{"Paragon,Data sprzedaży,Godzina,Kwota,Telefon\n17/2026,2026-11-20 00:00:00,1899-12-30 16:00:00,\"12,50 zł\",+48 22 555 01 23\n", "--column 'timestamp=Data sprzedaży + Godzina' --column 'order_id=Paragon' --column 'revenue=Kwota' --column 'context.traits.phone=Telefon'"},
		{"Name,Paid at,Born,Grand Total,Customer\n#1001,2026-11-20 16:00:00 +0100,1985-04-03,12.50,ada@example.com\n", "--column 'timestamp=Paid at' --column 'revenue=Grand Total' --column 'context.traits.email=Customer'"},
		{"日付,注文番号,合計\n2026年11月20日 16:00,A-17,1200\n", "--column 'timestamp=日付' --column 'order_id=注文番号' --column 'revenue=合計'"},
		{"When,order_id\n20/11/2026 16:00,7\n", "--column 'timestamp=When'"},
		{"Sales of shop 7;;;\n;;;\nBon;Date;Total;Email\n1;2026-11-20 16:00;12,50;ada@example.com\n", "--header-row 3"},
		{"Clerk,Note\nAda,x\n", ""},
	} {
		f := NewFile(bytes.NewReader([]byte(c.text)), 0)
		s, err := f.Survey(context.Background(), 0, func(int64) {})
		if err != nil {
			t.Fatal(err)
		}
		s.Format = CSV
		in, err := f.Rows(s, Options{Layout: Layout{Event: "Order Completed"}})
		if err != nil {
			t.Fatal(err)
		}
		var r Row
		if err := in.Next(&r); err != nil {
			t.Fatal(err)
		}
		if got := r.Suggestion(); got != c.want {
			t.Errorf("%.30q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}
