package spool

import "relay/relay/internal/spool/rows"

// reportCases are files reported in other programs' issue trackers, rebuilt with invented people.
var reportCases = []fieldCase{
	{
		name: "the header again every few rows", text: "event,timestamp,n\nSale,2026-11-20T10:00Z,1\nevent,timestamp,n\nSale,2026-11-20T11:00Z,2\n\"event\", timestamp ,n\nSale,2026-11-20T12:00Z,3\n",
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"n":2}}`, `{"event":"Sale","timestamp":"2026-11-20T12:00Z","properties":{"n":3}}`},
	},
	{
		name: "two exports put together, the second with a byte order mark", text: "\xef\xbb\xbfevent;timestamp;n\nSale;2026-11-20T10:00Z;1\n\xef\xbb\xbfevent;timestamp;n\nSale;2026-11-20T11:00Z;2\n",
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"n":2}}`},
	},
	{
		name: "the header again between the rows of an order", text: "Bon,timestamp,sku\n7,2026-11-20T10:00Z,A\nBon,timestamp,sku\n7,2026-11-20T10:00Z,B\n", l: rows.Layout{Event: "Sale", GroupBy: "Bon", Columns: []rows.Column{{Path: "products[].sku", From: "sku"}}},
		want: []string{`{"event":"Sale","properties":{"Bon":7,"products":[{"sku":"A"},{"sku":"B"}]},"timestamp":"2026-11-20T10:00Z"}`},
	},
	{
		name: "columns of one name", text: "event,timestamp,SKU,Qty,SKU,Qty\nSale,2026-11-20T10:00Z,A,1,B,2\n",
		refused: "read header: column 5 (SKU): another column fills the same place: it is number 2 of 2 columns of that name; --column 'PATH=SKU#2' sets the place it fills, --column '=SKU#2' leaves it out (spool: columns)",
	},
	{
		name: "columns of one name, told apart", text: "event,timestamp,SKU,Qty,SKU,Qty\nSale,2026-11-20T10:00Z,A,1,B,2\nSale,2026-11-20T11:00Z,C,1,,\n",
		l: rows.Layout{Columns: []rows.Column{{Path: "products[0].product_id", From: "SKU#1"}, {Path: "products[0].quantity", From: "Qty#1"}, {Path: "products[1].product_id", From: "SKU#2"}, {Path: "products[1].quantity", From: "Qty#2"}}},
		want: []string{
			`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"products":[{"product_id":"A","quantity":1},{"product_id":"B","quantity":2}]}}`,
			`{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"products":[{"product_id":"C","quantity":1}]}}`,
		},
	},
	{
		name: "the second of two columns left out, and a name with # of its own", text: "event,timestamp,Total,Total,No #2\nSale,2026-11-20T10:00Z,1,9,5\n", l: rows.Layout{Columns: []rows.Column{{Path: "", From: "Total#2"}, {Path: "order_id", From: "No #2"}}},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Total":1,"order_id":5}}`},
	},
	{name: "a column of that name that is not there", text: "event,timestamp,SKU\nSale,2026-11-20T10:00Z,A\n", l: rows.Layout{Columns: []rows.Column{{Path: "x", From: "SKU#2"}}}, refused: `read header: there is no column "SKU#2"; the columns are: event, timestamp, SKU`},
	{
		name: "order numbers that a spreadsheet has shortened", text: "event,timestamp,Order,n\nSale,2026-11-20T10:00Z,1.23457E+11,1\nSale,2026-11-20T11:00Z,\"1,23457E+11\",2\nSale,2026-11-20T12:00Z,123457000001,3\n", l: rows.Layout{ID: "Order"}, bad: true,
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T12:00Z","properties":{"Order":123457000001,"n":3}}`},
		report: []string{`"row":1,"line":2,"code":"shortened_number"`, `"row":2,"line":3,"code":"shortened_number"`, `column \"Order\" has a number like 9.99E+99`, "as text"},
	},
	{
		name: "shortened, and rows are grouped by it", text: "timestamp,Order,sku\n2026-11-20T10:00Z,1.23457E+11,A\n2026-11-20T10:00Z,1.23457E+11,B\n", l: rows.Layout{Event: "Sale", GroupBy: "Order", Columns: []rows.Column{{Path: "products[].sku", From: "sku"}}},
		refused: "2 of the first 2 rows cannot be used", report: []string{"shortened"},
	},
	{
		name: "what databases write for nothing", text: "event\ttimestamp\tcurrency\tcoupon\tbrand\tseller\nSale\t2026-11-20T10:00Z\t\\N\tNULL\tnull\tNull\nSale\t2026-11-20T10:00Z\t(null)\t#N/A\t<null>\tNULLE\n", ext: ".tsv",
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"seller":"Null"}}`, `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"seller":"NULLE"}}`},
	},
	{name: "no time, as databases write it", text: "event,timestamp\nSale,\\N\nSale,NULL\n", refused: "2 of the first 2 rows", report: []string{"does not say when it happened"}},
	{
		name: "a decimal comma that separates", text: "event,timestamp,revenue,order_id\nSale,2026-11-20T10:00Z,47,60,R-1\n", refused: "1 of the first 1 rows",
		report: []string{`the row has 5 cells, the header 4: quote cells that contain ',', or set another separator`},
	},
	{
		name: "a decimal comma that separates, before a blank cell", text: "event,timestamp,revenue,order_id,note\nSale,2026-11-20T10:00Z,12,R-1,x\nSale,2026-11-20T10:00Z,47,60,R-2,\n", bad: true,
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"revenue":12,"order_id":"R-1","note":"x"}}`},
		report: []string{`the row has 6 cells, the header 5`},
	},
	{
		name: "a separator behind each row, and none behind the header", text: "event,timestamp,n\nSale,2026-11-20T10:00Z,1,\nSale,2026-11-20T11:00Z,2,\nSale,2026-11-20T12:00Z,3\n",
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"n":2}}`, `{"event":"Sale","timestamp":"2026-11-20T12:00Z","properties":{"n":3}}`},
	},
	{name: "a header that is blank", text: "Sales\n\nSale,2026-11-20T10:00Z\n", l: rows.Layout{HeaderRow: 2, Event: "Sale"}, refused: "read header: line 2 is not a header, it is blank"},
	{
		name: "quotes behind backslashes", text: "event,timestamp,item,n\nSale,2026-11-20T10:00Z,\"19\\\" rack\",1\nSale,2026-11-20T10:00Z,\"say \\\"hi\\\", twice\",2\n",
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"item":"19\" rack","n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"item":"say \"hi\", twice","n":2}}`},
	},
	{
		name: "a second header with units", text: "event;timestamp;weight\n;;[kg]\nSale;2026-11-20T10:00Z;3\n", bad: true,
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"weight":3}}`},
		report: []string{`"row":1,"line":2,"code":"missing_event"`, `"text":";;[kg]"`},
	},
	{
		name: "two-digit years", text: "event,When\nSale,4/15/26\nSale,12/21/25\n", l: rows.Layout{TimeFormat: "1/2/06", Columns: []rows.Column{{Path: "timestamp", From: "When"}}},
		want: []string{`{"event":"Sale","timestamp":"2026-04-15T00:00:00"}`, `{"event":"Sale","timestamp":"2025-12-21T00:00:00"}`},
	},
	{name: "two-digit years and nobody says which", text: "event,timestamp\nSale,04/05/26\nSale,26.06.26\n", refused: "2 of the first 2 rows", report: []string{"of the form 99/99/99", "of the form 99.99.99", "--time-format"}},
	{
		name: "12 hours, date and time apart", text: "Sale Date,Sale Time,event,n\n1998-08-04,02:00:00 PM,Sale,1\n", l: rows.Layout{TimeFormat: "2006-01-02 03:04:05 PM", Columns: []rows.Column{{Path: "timestamp", From: "Sale Date + Sale Time"}}},
		refused: "1 of the first 1 rows", report: []string{"of the form 9999-99-99a99:99:99"},
	},
	{
		name: "12 hours", text: "Sale Date,Sale Time,event,n\n2026-11-20,02:00:00 PM,Sale,1\n2026-11-20,12:30:00 AM,Sale,2\n", l: rows.Layout{TimeFormat: "2006-01-02 03:04:05 PM", Columns: []rows.Column{{Path: "timestamp", From: "Sale Date + Sale Time"}}},
		want: []string{`{"timestamp":"2026-11-20T14:00:00","event":"Sale","properties":{"n":1}}`, `{"timestamp":"2026-11-20T00:30:00","event":"Sale","properties":{"n":2}}`},
	},
	{name: "a page of a browser under the name of a table", text: "<html>\n<head><title>Sales</title></head>\n<body><table><tr><th>event</th></tr></table></body></html>\n", refused: "the file is an HTML page"},
	{name: "a spreadsheet in XML under the name of a table", text: "<?xml version=\"1.0\"?>\n<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"></Workbook>\n", refused: "the file is XML"},
	{name: "an Excel workbook under the name of a table", text: "PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00b\xee\x9dh\n", refused: "the file is an Excel workbook"},
	{name: "an old Excel workbook under the name of a table", text: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00\x00\n", refused: "the file is an old Excel workbook"},
	{
		name: "a separator that is not found out", text: "event#timestamp#n\nSale#2026-11-20T10:00Z#1\n", l: rows.Layout{Comma: '#'},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`},
	},
	{
		name: "Meta's own template for a manual upload", text: "email,phone,fn,ln,event_name,event_time,value,currency,order_id\npat@example.com,+1-212-555-0147,Pat,Doe,Purchase,1795190427,47.6,USD,R-1\n",
		l:    rows.Layout{Columns: []rows.Column{{Path: "event", From: "event_name"}, {Path: "timestamp", From: "event_time"}, {Path: "context.traits.email", From: "email"}, {Path: "context.traits.phone", From: "phone"}, {Path: "context.traits.firstName", From: "fn"}, {Path: "context.traits.lastName", From: "ln"}, {Path: "revenue", From: "value"}}},
		want: []string{`{"context":{"traits":{"email":"pat@example.com","phone":"+1-212-555-0147","firstName":"Pat","lastName":"Doe"}},"event":"Purchase","timestamp":"1795190427","properties":{"revenue":47.6,"currency":"USD","order_id":"R-1"}}`},
	},

	// JSON with a sale id.
	{
		name: "JSON lines, by a property", ext: ".jsonl", text: `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":7}}` + "\n" + `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":"7"}}` + "\n", l: rows.Layout{ID: "order_id"},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":7}}`},
	},
	{
		name: "JSON, by a path, in a batch", ext: ".json", text: `{"batch":[{"type":"track","event":"Sale","timestamp":"2026-11-20T10:00Z","context":{"bon":{"no":1}}},{"type":"track","event":"Sale","timestamp":"2026-11-20T10:00Z","context":{"bon":{"no":1}}}]}`, l: rows.Layout{ID: "context.bon.no"},
		want: []string{`{"type":"track","event":"Sale","timestamp":"2026-11-20T10:00Z","context":{"bon":{"no":1}}}`},
	},
	{
		name: "JSON, by a property whose name is no path", ext: ".jsonl", text: `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Order No.":"A"}}` + "\n" + `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Order No.":"A"}}` + "\n", l: rows.Layout{ID: "Order No."},
		want: []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"Order No.":"A"}}`},
	},
	{
		name: "JSON lines without it", ext: ".jsonl", bad: true, text: `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":"A"}}` + "\n" + `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":" "}}` + "\n" + `{"event":"Sale","timestamp":"2026-11-20T10:00Z"}` + "\n" + `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":"1.2E+11"}}` + "\n",
		l:      rows.Layout{ID: "properties.order_id"},
		want:   []string{`{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"order_id":"A"}}`},
		report: []string{`"row":2,"line":2,"code":"missing_id"`, `"row":3`, `\"properties.order_id\", which identifies sales`, `"row":4,"line":4,"code":"shortened_number"`},
	},
}
