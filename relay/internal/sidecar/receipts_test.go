package sidecar

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/drain"
	"relay/relay/internal/person"
	"relay/relay/internal/receipts"
)

// BenchmarkReceipts is what the receipts of delivered events cost: time, and bytes in
// the ledger, with what a person is found by.
func BenchmarkReceipts(b *testing.B) {
	secret := bytes.Repeat([]byte{7}, 32)
	m, _, err := mapper.Parse("mapping.yaml", []byte("version: 1\nevents: { Order Completed: \"701000000000001\" }\ndefault_country: US\ndefault_currency: USD\n"), mapper.WithSecret(secret))
	if err != nil {
		b.Fatal(err)
	}
	const n = 1000
	now := time.Date(2026, 11, 20, 10, 16, 0, 0, time.UTC)
	d := drain.Delivery{EventSet: "701000000000001", API: meta.Conversions, Request: "7f3a", FBTraceID: "AbCdEf", Mapping: m.Digest(), At: now}
	for i := range n {
		body := fmt.Appendf(nil, `{"type":"track","event":"Order Completed","messageId":"%08x-6f3a-4c2e-9a3d-0d6a5f1b7c11","userId":"user-%07d","timestamp":"2026-11-20T10:15:30.123Z",`+
			`"context":{"ip":"203.0.113.7","userAgent":"till/4.1","page":{"url":"https://shop.example.com/checkout/thank-you","path":"/checkout/thank-you"},`+
			`"traits":{"email":"pat%d@example.com","phone":"+1201555%04d","firstName":"Pat","address":{"city":"San Francisco","state":"CA","postalCode":"94103"}}},`+
			`"properties":{"order_id":"till3-%06d","revenue":104.37,"currency":"USD","coupon":"SUMMER07","till":3,"cashier_id":"c-17","note":"gift, call (212) 555-%04d before six",`+
			`"products":[{"product_id":"sku-00123","name":"Uno Card Game","quantity":1,"price":10.49},{"product_id":"sku-04711","name":"Monopoly: 3rd Edition","quantity":2,"price":18.99}]}}`,
			i*2654435761, i, i, i%10000, i, (i*7)%10000)
		out := m.Map(mapper.Event{Body: body, Received: now}, now)[0]
		if out.Kind != mapper.Send {
			b.Fatal(out)
		}
		d.Items = append(d.Items, drain.Delivered{
			MessageID: fmt.Sprintf("%08x-6f3a-4c2e-9a3d-0d6a5f1b7c11", i*2654435761), OrderID: fmt.Sprintf("till3-%06d", i), Event: "Order Completed", Name: "Purchase", List: "events",
			EventTime: now, Received: now, People: out.People, Body: body,
		})
	}
	l, err := receipts.Open(b.TempDir(), receipts.Options{Secret: secret, Tokens: person.NewTokenizer().Of, MaxSize: 1 << 40, FileSize: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		l.Record(d)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/event")
	b.ReportMetric(float64(l.Stats().Bytes)/float64(l.Stats().Requests)/n, "B/event")
}
