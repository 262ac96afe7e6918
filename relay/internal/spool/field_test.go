package spool

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
	"unicode/utf16"

	"relay/relay/internal/spool/rows"
)

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s)) // a buffer never fails
	_ = z.Close()
	return b.String()
}

func utf16be(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return string(b)
}

// shop has the columns of a shop system's order export.
var shop = rows.Layout{GroupBy: "Name", Columns: []rows.Column{
	{Path: "order_id", From: "Name"},
	{Path: "context.traits.email", From: "Email"},
	{Path: "timestamp", From: "Paid at"},
	{Path: "currency", From: "Currency"},
	{Path: "revenue", From: "Total"},
	{Path: "products[].product_id", From: "Lineitem sku"},
}}

// fieldCase is a file as tills and spreadsheets write it. want are the events; if the file is
// refused instead, refused is the error.
type fieldCase struct {
	name    string
	file    string // below testdata/field, or
	text    string // the content itself
	ext     string // default .csv
	l       rows.Layout
	bad     bool // bad rows are skipped
	want    []string
	refused string   // of the file
	report  []string // of rows
}

// allCases returns the cases of field_test.go and reports_test.go. Imports and dropped files read
// them alike.
func allCases() []fieldCase { return slices.Concat(fieldCases, reportCases) }

// fieldCases are such files by kind.
var berlin, _ = time.LoadLocation("Europe/Berlin")

var fieldCases = []fieldCase{
	{
		name: "sep= line", file: "B01.csv",
		want: []string{`{"event":"Order Completed","timestamp":"2026-11-20 10:00:00","context":{"traits":{"email":"pat@example.com"}},"properties":{"revenue":"47,60","order_id":"R-1"}}`},
	},
	{name: "sep= line, quoted, in capitals, behind a byte order mark", text: "\xef\xbb\xbf\"SEP=|\"\r\nevent|timestamp|n\r\nSale|2026-11-20T10:00Z|1\r\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`}},
	{name: "sep= line with a tab in UTF-16", text: utf16le("sep=\t\r\nevent\ttimestamp\tn\r\nSale\t2026-11-20T10:00Z\tæ\r\n"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":"æ"}}`}},
	{name: "sep= line of another separator than the header seems to have", text: "sep=,\nevent,timestamp,a;b;c;d\nSale,2026-11-20T10:00Z,1\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"a;b;c;d":1}}`}},

	{name: "a full stop in a header", file: "B02a.csv", l: rows.Layout{Event: "Order Completed"}, want: []string{`{"event":"Order Completed","properties":{"Order No.":"R-1","revenue":47.60},"timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com"}}}`}},
	{
		name: "brackets and dots in a header", file: "B02c.csv", l: rows.Layout{Event: "Order Completed"},
		want: []string{`{"event":"Order Completed","properties":{"order_id":"R-1","revenue":47.60,"Google: Custom Product (product.metafields.mm-google-shopping.custom_product)":"FALSE"},"timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com"}}}`},
	},
	{
		name: "other headers that look like paths", text: "event,timestamp,Art.-Nr.,x[0],Size [cm],price.net,.,Total (incl. VAT)\nSale,2026-11-20T10:00Z,A-1,2,3,4,5,6\n",
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Art.-Nr.":"A-1","x[0]":2,"Size [cm]":3,"price.net":4,".":5,"Total (incl. VAT)":6}}`},
	},
	{
		name: "such a header as a path by choice", text: "event,timestamp,Art.-Nr.,price.net\nSale,2026-11-20T10:00Z,A-1,4\n", l: rows.Layout{Columns: []rows.Column{{Path: "products[0].product_id", From: "Art.-Nr."}, {Path: "price.net", From: "price.net"}}},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"products":[{"product_id":"A-1"}],"price":{"net":4}}}`},
	},

	{
		name: "day/month/year with --time-format", file: "B03a.csv", l: rows.Layout{Event: "Order Completed", TimeFormat: "02/01/2006 15:04:05"},
		want: []string{
			`{"event":"Order Completed","properties":{"order_id":"R-1","revenue":"47,60"},"timestamp":"2026-11-19T16:29:22","context":{"traits":{"email":"pat@example.com"}}}`,
			`{"event":"Order Completed","properties":{"order_id":"R-2","revenue":"12,00"},"timestamp":"2026-11-20T16:31:00","context":{"traits":{"email":"kim@example.com"}}}`,
		},
	},
	{name: "day/month/year without a form", file: "B03s.csv", refused: "2 of the first 2 rows cannot be used, nothing was stored", report: []string{"of the form 99/99/9999 99:99:99", "--time-format"}},
	{
		name: "date and time in two columns", text: "Date;Time;Bon\n20.11.2026;18:30;R-1\n20/11/2026;;R-2\n", l: rows.Layout{Event: "Sale", TimeFormat: "02.01.2006 15:04", Columns: []rows.Column{{Path: "timestamp", From: "Date + Time"}, {Path: "order_id", From: "Bon"}}}, bad: true,
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T18:30:00","properties":{"order_id":"R-1"}}`},
		report: []string{`"row":2`, "of the form 99/99/9999"},
	},
	{
		name: "a date with a midnight, a time of day with a date that is none", text: "D;T;Bon\n20/11/2026 00:00:00;30/12/1899 18:30:00;R-1\n", l: rows.Layout{Event: "Sale", TimeFormat: "02/01/2006 15:04:05", Columns: []rows.Column{{Path: "timestamp", From: "D + T"}}},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T18:30:00","properties":{"Bon":"R-1"}}`},
	},
	{name: "the same without a form", text: "D;T\n05/11/2026 00:00:00;30/12/1899 18:30:00\n", l: rows.Layout{Event: "Sale", Columns: []rows.Column{{Path: "timestamp", From: "D + T"}}}, want: []string{`{"event":"Sale","timestamp":"05/11/2026 00:00:00 30/12/1899 18:30:00"}`}},
	{
		name: "a zone given for times that say none", text: "timestamp\n20.11.2026 18:30\n2026-07-20 18:30:00\n2026-11-20T18:30:00Z\n1795190427\n", l: rows.Layout{Event: "Sale", Zone: berlin},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T18:30:00+01:00"}`, `{"event":"Sale","timestamp":"2026-07-20T18:30:00+02:00"}`, `{"event":"Sale","timestamp":"2026-11-20T19:30:00+01:00"}`, `{"event":"Sale","timestamp":"2026-11-20T17:00:27+01:00"}`},
	},
	{
		name: "a zone given, and a form", text: "timestamp\n05/11/2026 18:30\n20. November 2026 um 18:30 Uhr\n", l: rows.Layout{Event: "Sale", Zone: berlin, TimeFormat: "02/01/2006 15:04"},
		want: []string{`{"event":"Sale","timestamp":"2026-11-05T18:30:00+01:00"}`, `{"event":"Sale","timestamp":"2026-11-20T18:30:00+01:00"}`},
	},
	{name: "date, time and zone in three", text: "event,D,T,Z\nSale,2026-11-20,18:30:00,+01:00\n", l: rows.Layout{Columns: []rows.Column{{Path: "timestamp", From: "D+T+Z"}}}, want: []string{`{"event":"Sale","timestamp":"2026-11-20 18:30:00 +01:00"}`}},
	{name: "a header with a plus in its name", text: "event,Date + Time,Date,Time\nSale,2026-11-20T10:00Z,x,y\n", l: rows.Layout{Columns: []rows.Column{{Path: "timestamp", From: "Date + Time"}}}, want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Date":"x","Time":"y"}}`}},
	{name: "a form with an offset", text: "event,When\nSale,11/20/2026 6:30:05 PM -0500\n", l: rows.Layout{TimeFormat: "01/02/2006 3:04:05 PM -0700", Columns: []rows.Column{{Path: "timestamp", From: "When"}}}, want: []string{`{"event":"Sale","timestamp":"2026-11-20T18:30:05-05:00"}`}},

	{
		name: "YYYYMMDD and YYYYMMDDhhmmss", file: "B04.csv", l: rows.Layout{Event: "Order Completed"},
		want: []string{
			`{"event":"Order Completed","properties":{"order_id":"R-1","revenue":47.60},"timestamp":"20261120","context":{"traits":{"email":"pat@example.com"}}}`,
			`{"event":"Order Completed","properties":{"order_id":"R-2","revenue":12.00},"timestamp":"20261120150405","context":{"traits":{"email":"kim@example.com"}}}`,
		},
	},
	{name: "a spreadsheet's serial number", file: "B05.csv", l: rows.Layout{Event: "Order Completed"}, refused: "1 of the first 1 rows cannot be used, nothing was stored", report: []string{"of the form 99999.999"}},
	{name: "a serial number without a fraction", text: "event,timestamp\nSale,46346\n", refused: "1 of the first 1 rows", report: []string{"of the form 99999"}},
	{name: "a year in the future, a time of day alone, words", text: "event,timestamp\nSale,2526-11-20T10:00Z\nSale,10:00\nSale,yesterday\n", refused: "3 of the first 3 rows", report: []string{"9999-99-99a99:99a", "form 99:99", "form aaaaaaaaa"}},

	{
		name: "lines end with CR", file: "B07.csv",
		want: []string{
			`{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com"}},"properties":{"revenue":47.60,"order_id":"R-1"}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T11:00:00Z","context":{"traits":{"email":"kim@example.com"}},"properties":{"revenue":12.00,"order_id":"R-2"}}`,
		},
	},
	{name: "CR, a quoted cell over two lines", text: "event,timestamp,n\rSale,2026-11-20T10:00Z,\"a\rb\"\rSale,2026-11-20T10:00Z,c", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":"a\nb"}}`, `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":"c"}}`}},
	{name: "Ctrl-Z at the end, as DOS programs write", text: "event,timestamp\r\nSale,2026-11-20T10:00Z\r\n\x1a", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "Ctrl-Z at the end of JSON lines", ext: ".jsonl", text: `{"event":"Sale","timestamp":"2026-11-20T10:00Z"}` + "\r\n\x1a", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "CR and JSON lines", ext: ".jsonl", text: `{"event":"Sale","timestamp":"2026-11-20T10:00Z"}` + "\r" + `{"event":"Sale","timestamp":"2026-11-20T11:00Z"}` + "\r", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z"}`}},
	{name: "CR once, then CRLF", text: "event,timestamp\rSale,2026-11-20T10:00Z\r\nSale,2026-11-20T11:00Z\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z"}`}},
	{name: "CR in UTF-16", text: utf16le("event\ttimestamp\rSale\t2026-11-20T10:00Z\r"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},

	{
		name: "inch marks", file: "B08.csv",
		want: []string{
			`{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com"}},"properties":{"revenue":47.60,"order_id":"R-1","item":"Pipe 6\" x 2\""}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T11:00:00Z","context":{"traits":{"email":"kim@example.com"}},"properties":{"revenue":12.00,"order_id":"R-2","item":"TV 55\" black"}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T12:00:00Z","context":{"traits":{"email":"lee@example.com"}},"properties":{"revenue":13.00,"order_id":"R-3","item":"Rope"}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T13:00:00Z","context":{"traits":{"email":"mo@example.com"}},"properties":{"revenue":14.00,"order_id":"R-4","item":"Nail"}}`,
		},
	},
	{
		name: "a quote that never closes takes no row along", file: "B08b.csv",
		want: []string{
			`{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com"}},"properties":{"revenue":47.60,"order_id":"R-1","item":"2\" pipe"}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T11:00:00Z","context":{"traits":{"email":"kim@example.com"}},"properties":{"revenue":12.00,"order_id":"R-2","item":"TV"}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T12:00:00Z","context":{"traits":{"email":"lee@example.com"}},"properties":{"revenue":13.00,"order_id":"R-3","item":"Rope"}}`,
		},
	},
	{
		name: "inch marks within and at the end of quoted cells", text: "event,timestamp,item,n\nSale,2026-11-20T10:00Z,\"19\" rack\",1\nSale,2026-11-20T10:00Z,\"TV 55\"\",2\nSale,2026-11-20T10:00Z,\"a, 3/4\" b\",3\nSale,2026-11-20T10:00Z, \"x, y\" ,4\n",
		want: []string{
			`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"item":"19\" rack","n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"item":"TV 55\"","n":2}}`,
			`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"item":"a, 3/4\" b","n":3}}`, `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"item":"x, y","n":4}}`,
		},
	},
	{
		name: "a quote that opens before the separators", text: "event,timestamp,item,n\nSale,2026-11-20T10:00Z,\"2\" pipe,1\nSale,2026-11-20T11:00Z,b,2\n", bad: true,
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"item":"b","n":2}}`},
		report: []string{`"row":1,"line":2,"code":"invalid_csv"`, `"text":"Sale,2026-11-20T10:00Z,\"2\" pipe,1"`},
	},

	{
		name: "an order over several rows", file: "B09.csv", l: withEvent(shop),
		want: []string{
			`{"event":"Order Completed","properties":{"order_id":"#1001","currency":"USD","revenue":59.60,"products":[{"quantity":1,"name":"Mug","price":12.00,"product_id":"MUG-1"},{"quantity":2,"name":"Tea","price":23.80,"product_id":"TEA-9"}]},"context":{"traits":{"email":"pat@example.com"}},"timestamp":"2026-11-20 10:00:00 -0500"}`,
			`{"event":"Order Completed","properties":{"order_id":"#1002","currency":"USD","revenue":10.00,"products":[{"quantity":1,"name":"Tea","price":10.00,"product_id":"TEA-9"}]},"context":{"traits":{"email":"kim@example.com"}},"timestamp":"2026-11-20 11:00:00 -0500"}`,
		},
	},
	{
		name: "an order over several rows, its number in the first alone", text: "event;order_id;timestamp;Artikel;Menge\nSale;7;2026-11-20T10:00Z;A;1\n;;;B;2\n;;;;\nSale;8;2026-11-20T11:00Z;C;3\n",
		l: rows.Layout{GroupBy: "order_id", Columns: []rows.Column{{Path: "products[].product_id", From: "Artikel"}, {Path: "products[].quantity", From: "Menge"}}},
		want: []string{
			`{"event":"Sale","properties":{"order_id":7,"products":[{"product_id":"A","quantity":1},{"product_id":"B","quantity":2}]},"timestamp":"2026-11-20T10:00Z"}`,
			`{"event":"Sale","properties":{"order_id":8,"products":[{"product_id":"C","quantity":3}]},"timestamp":"2026-11-20T11:00Z"}`,
		},
	},
	{
		name: "the column that tells orders apart tells sales apart too", text: "Name,timestamp,sku\n#7,2026-11-20T10:00Z,A\n#7,,B\n", l: rows.Layout{Event: "Sale", GroupBy: "Name", ID: "Name", Columns: []rows.Column{{Path: "order_id", From: "Name"}, {Path: "products[].product_id", From: "sku"}}},
		want: []string{`{"event":"Sale","properties":{"order_id":"#7","products":[{"product_id":"A"},{"product_id":"B"}]},"timestamp":"2026-11-20T10:00Z"}`},
	},
	{
		name: "order fields in every row, the column named by its path", text: "Bon,timestamp,sku\n7,2026-11-20T10:00Z,A\n7,2026-11-20T10:00Z,B\n", l: rows.Layout{Event: "Sale", GroupBy: "order_id", Columns: []rows.Column{{Path: "order_id", From: "Bon"}, {Path: "products[].sku", From: "sku"}}},
		want: []string{`{"event":"Sale","properties":{"order_id":7,"products":[{"sku":"A"},{"sku":"B"}]},"timestamp":"2026-11-20T10:00Z"}`},
	},
	{
		name: "rows of an order that differ, stand apart, or belong to none", text: "event,timestamp,order_id,total\nSale,2026-11-20T10:00Z,,1\nSale,2026-11-20T10:00Z,1,5\nSale,2026-11-20T10:00Z,1,6\nSale,2026-11-20T10:00Z,2,7\nSale,2026-11-20T10:00Z,1,5\n", bad: true,
		l:      rows.Layout{GroupBy: "order_id"},
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":2,"total":7}}`},
		report: []string{`"row":1,"line":2,"code":"missing_group"`, `"row":2,"line":3,"code":"rows_differ"`, `differ in column \"total\" (rows 2 and 3)`, `products[].NAME=total`, `"row":5,"line":6,"code":"group_apart"`, "of row 2"},
	},
	{
		name: "a bad row among those of an order", text: "event,timestamp,order_id,products\nSale,2026-11-20T10:00Z,1,a\nSale,1\nSale,2026-11-20T10:00Z,1,b\n", bad: true,
		l:      rows.Layout{GroupBy: "order_id", Columns: []rows.Column{{Path: "products[].sku", From: "products"}}},
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":1,"products":[{"sku":"a"},{"sku":"b"}]}}`},
		report: []string{`"row":2,"line":3,"code":"wrong_columns"`, `"text":"Sale,1"`},
	},

	{name: "no header", file: "B11.csv", l: rows.Layout{Event: "Order Completed"}, refused: "read header: line 1 is not a header, it contains a time (column 2)"},
	{name: "no header, an address", text: "R-1;pat@example.com\nR-2;kim@example.com\n", l: rows.Layout{Event: "Sale"}, refused: "read header: line 1 is not a header, it contains an e-mail address (column 2)"},
	{name: "no header, numbers", text: "1,2,3\n4,5,6\n", l: rows.Layout{Event: "Sale"}, refused: "read header: line 1 is not a header, it contains numbers"},
	{name: "no header, names alone", text: "Mug,Tea\nTea,Mug\n", refused: "read header: no column has the event name"},

	{name: "tabs", file: "B12.tsv", ext: ".tsv", want: []string{`{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"lee@example.com"}},"properties":{"revenue":47.60,"order_id":"S-3"}}`}},
	{name: "CSV, packed", ext: ".csv.gz", text: gzipped("event,timestamp\nSale,2026-11-20T10:00Z\n"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "JSON lines, packed", ext: ".jsonl.gz", text: gzipped(`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}` + "\n"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "packed in two pieces", ext: ".csv.gz", text: gzipped("event,timestamp\nSale,2026-11-20T10:00Z\n") + gzipped("Sale,2026-11-20T11:00Z\n"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z"}`}},
	{name: "packed, and the name does not say so", text: gzipped("event,timestamp\nSale,2026-11-20T10:00Z\n"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "UTF-16, packed", ext: ".tsv.gz", text: gzipped(utf16le("event\ttimestamp\nSale\t2026-11-20T10:00Z\n")), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "packed and cut short", ext: ".csv.gz", text: gzipped("event,timestamp\nSale,2026-11-20T10:00Z\n")[:30], refused: "unpack gzip: "},
	{name: "packed, with something behind", ext: ".csv.gz", text: gzipped("event,timestamp\nSale,2026-11-20T10:00Z\n") + "rest of something", refused: "unpack gzip: "},
	{name: "an Excel workbook", text: "PK\x03\x04\x14\x00\x06\x00", refused: "the file is an Excel workbook (.xlsx)"},
	{name: "an Excel workbook, packed", ext: ".csv.gz", text: gzipped("PK\x03\x04\x14\x00\x06\x00"), refused: "in the gzip file: the file is an Excel workbook (.xlsx)"},
	{name: "an old Excel workbook", text: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", refused: "the file is an old Excel workbook (.xls)"},
	{name: "HTML under the name of a table", text: "\xef\xbb\xbf\r\n<HTML><table><tr><td>event", refused: "the file is an HTML page"},
	{name: "XML", text: `<?xml version="1.0"?><orders/>`, refused: "the file is XML"},
	{name: "a PDF", text: "%PDF-1.7\n", refused: "the file is a PDF"},
	{name: "packed otherwise", text: "\x28\xb5\x2f\xfd\x00", refused: "the file is packed with zstd"},
	{name: "zero bytes", text: "event,\x00timestamp\nSale,1\n", refused: "read header: it contains NUL bytes"},

	{
		name: "semicolons, decimal comma, commas and a line break in a quoted cell", file: "B15.csv",
		want: []string{`{"event":"Order Completed","timestamp":"2026-11-20 10:00:00","context":{"traits":{"email":"pat@example.com"}},"properties":{"revenue":"1.234,50","order_id":"R-1","note":"red, blue, green, grey, black, white; and\na second line"}}`},
	},
	{name: "line breaks in the header, a row of separators, blank cells at the end", text: "event;\"time\nstamp\";n;;\r\nSale;2026-11-20T10:00Z;1;;\r\n;;;;\r\nSale;2026-11-20T11:00Z;2;;;;\r\n", l: rows.Layout{Columns: []rows.Column{{Path: "timestamp", From: "time stamp"}}}, want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"n":2}}`}},
	{name: "a quoted cell with rows in it", text: "event,timestamp,n\nSale,2026-11-20T10:00Z,\"see\nSale;2026\n\nend\"\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":"see\nSale;2026\n\nend"}}`}},
	{name: "pipes", text: "event|timestamp|n\nSale|2026-11-20T10:00Z|a,b;c\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":"a,b;c"}}`}},

	{
		name: `="…"`, file: "B17.csv",
		want: []string{
			`{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com","address":{"postalCode":"01101"}}},"properties":{"revenue":47.60,"order_id":"0001"}}`,
			`{"event":"Order Completed","timestamp":"2026-11-20T11:00:00Z","context":{"traits":{"email":"kim@example.com","address":{"postalCode":"01102"}}},"properties":{"revenue":12.00,"order_id":"0002"}}`,
		},
	},
	{name: `="…" in quotes, with quotes, blank, in the header, in a number's place`, text: "event,\"=\"\"timestamp\"\"\",a,b,c,d\nSale,\"=\"\"2026-11-20T10:00Z\"\"\",\"=\"\"x\"\"\"\"y\"\"\",=\"\",=\"7\",=7\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"a":"x\"y","c":"7","d":"=7"}}`}},
	{
		name: "apostrophes", file: "B18.csv",
		want: []string{`{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","context":{"traits":{"email":"pat@example.com","phone":"+14135550142","address":{"postalCode":"01101"}}},"properties":{"revenue":47.60,"order_id":"R-1"}}`},
	},
	{name: "apostrophes that are of the text, and more that are none", text: "event,timestamp,a,b,c,d,e\nSale,'2026-11-20 10:00:00,'n Beetje,'90s Mix,'47.60,'=SUM(1),'\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20 10:00:00","properties":{"a":"'n Beetje","b":"'90s Mix","c":"47.60","d":"=SUM(1)","e":"'"}}`}},

	{name: "UTF-16 without a byte order mark", text: string([]byte(utf16le("event\ttimestamp\nSale\t2026-11-20T10:00Z\n"))[2:]), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "UTF-16, big end first, without one", text: utf16be("event\ttimestamp\nSale\t2026-11-20T10:00Z\n"), want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "UTF-16, big end first, with one", text: "\xfe\xff" + utf16be("event\ttimestamp\nSæle\t2026-11-20T10:00Z\n"), want: []string{`{"event":"Sæle","timestamp":"2026-11-20T10:00Z"}`}},
	{name: "Polish of Excel, its encoding not named", text: "event;timestamp;Imi\xea\nSale;2026-11-20T10:00Z;Pawe\xb3\n", refused: "the file is neither UTF-8 nor windows-1252, it looks like windows-1250 (Polish): use --encoding windows-1250 (spool: encoding: windows-1250), or name the right encoding, or save it as UTF-8 (in Excel: Save as, CSV UTF-8)"},
	{name: "Polish of Excel", text: "event;timestamp;Imi\xea\nSale;2026-11-20T10:00Z;Pawe\xb3\n", l: rows.Layout{Encoding: "windows-1250"}, want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Imię":"Paweł"}}`}},
	{name: "UTF-8 where another encoding is named", text: "\xef\xbb\xbfevent;timestamp;Imię\nSale;2026-11-20T10:00Z;Paweł\n", l: rows.Layout{Encoding: "windows-1250"}, want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Imię":"Paweł"}}`}},
	{name: "Windows-1252", text: "event;timestamp;Stra\xdfe\nSale;2026-11-20T10:00Z;M\xfcller \x80\n", l: rows.Layout{Columns: []rows.Column{{Path: "street", From: "Straße"}}}, want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"street":"Müller €"}}`}},

	{
		name: "title and total rows", text: "Sales report\nNovember 2026;;\n\nevent;timestamp;n\nSale;2026-11-20T10:00Z;1\nTotal;;1\n", l: rows.Layout{HeaderRow: 4}, bad: true,
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`},
		report: []string{`"row":2,"line":6,"code":"missing_timestamp"`, `"text":"Total;;1"`},
	},
	{name: "a title, and nobody says where the header is", text: "Sales report\nNovember 2026\n\nevent;timestamp;n\nSale;2026-11-20T10:00Z;1\n", refused: "read header: line 1 is not a header, it is one column, but ';' separates columns in the rows below: set the line of the header with --header-row (spool: header_row)\nif line 4 is the header, use --header-row 4"},
	{name: "an unusual separator", text: "event~timestamp~n\nSale~2026-11-20T10:00Z~1\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`}},
	{name: "the unit separator of ASCII", text: "event\x1ftimestamp\x1fn\nSale\x1f2026-11-20T10:00Z\x1f1\n", want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`}},
	{name: "a separator that relay does not detect", text: "Order#Total\nR-1#9\nR-2#8\n", l: rows.Layout{Event: "Sale"}, refused: "read header: line 1 is read as one column, but '#' seems to separate columns"},
	{name: "a total in fewer cells", text: "event;timestamp;n\nSale;2026-11-20T10:00Z;1\nTotal 1\n", bad: true, want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`}, report: []string{`"code":"wrong_columns"`, `"text":"Total 1"`}},
	{name: "a header that is not there", text: "event;timestamp\nSale;2026-11-20T10:00Z\n", l: rows.Layout{HeaderRow: 9}, refused: "read header: the file has no line 9"},
	{name: "a header and nothing else", text: "event,timestamp\n", refused: "the file has no rows"},
	{name: "nothing at all", text: "", refused: "the file has no rows"},
	{name: "blank lines", text: "\n\n \n", refused: "the file has no rows"},
	{name: "a table under the name of JSON", ext: ".jsonl", text: "event,timestamp\nSale,2026-11-20T10:00Z\n", refused: "2 of the first 2 rows cannot be used"},
}

func withEvent(l rows.Layout) rows.Layout {
	l.Event = "Order Completed"
	return l
}

// fieldFile returns the name and content of a case's file.
func fieldFile(t *testing.T, file, text, ext string) (name, content string) {
	t.Helper()
	if file != "" {
		b, err := os.ReadFile(filepath.Join("testdata", "field", file))
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	if ext == "" {
		ext = ".csv"
	}
	return "sales" + ext, text
}

func TestField(t *testing.T) {
	t.Parallel()
	for _, tc := range allCases() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name, content := fieldFile(t, tc.file, tc.text, tc.ext)
			m := &memory{}
			report := filepath.Join(t.TempDir(), "report")
			rep, err := Import(t.Context(), strings.NewReader(content), Options{Queue: m, Name: name, Layout: tc.l, SkipBad: tc.bad, ReportFile: report})
			said, _ := os.ReadFile(report)
			if tc.refused != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.refused) || m.calls > 0 {
					t.Errorf("error %v, want %s; %d stored", err, tc.refused, m.count())
				}
				if err != nil {
					said = []byte(err.Error())
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if got, want := m.bodies(), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("stored\n%s\nwant\n%s", got, want)
			}
			for _, want := range tc.report {
				if !strings.Contains(string(said), want) {
					t.Errorf("not in the report: %s\n%s", want, said)
				}
			}
			if rep.Rows != rep.Stored+rep.Duplicates+rep.Refused+rep.Joined || rep.Refused > 0 && len(tc.report) == 0 {
				t.Errorf("%+v\n%s", rep, said)
			}
		})
	}
}
