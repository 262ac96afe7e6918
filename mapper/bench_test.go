package mapper

import (
	"testing"
	"time"
)

// benchmarkEvent is one sale of about 1.2 KB with eight match keys and three
// products.
const benchmarkEvent = `{"type":"track","event":"Order Completed","messageId":"1c5f7e0a-6f3a-4c2e-9a3d-0d6a5f1b7c11",
"userId":"user-0042137","anonymousId":"8f14e45f-ceea-4e0d-8a77-2b1c0a9d3e55","timestamp":"2026-11-20T10:15:30.123Z","sentAt":"2026-11-20T10:15:31.000Z",
"integrations":{"All":true},
"context":{"ip":"203.0.113.7","locale":"en-US","library":{"name":"analytics-node","version":"3.1.0"},
"page":{"url":"https://shop.example.com/checkout/thank-you","path":"/checkout/thank-you","title":"Thank you for your order"},
"campaign":{"source":"facebook","medium":"paid-social","name":"summer-sale"},
"traits":{"email":" Jane.Doe@Example.COM ","phone":"+12015550123","firstName":"Jane","lastName":"Doe",
"address":{"city":"San Francisco","state":"CA","postalCode":"94103","country":"US"}}},
"properties":{"order_id":"till3-100423","revenue":104.37,"currency":"USD","coupon":"SUMMER07","till":3,"cashier_id":"c-17","payment":"card",
"products":[{"product_id":"sku-00123","name":"Uno Card Game","quantity":1,"price":10.49},
{"product_id":"sku-04711","name":"Monopoly: 3rd Edition","quantity":2,"price":18.99},
{"product_id":"sku-02900","name":"Wooden Chess Set","quantity":1,"price":55.90}]}}`

const benchmarkMapping = `version: 1
events:
  Order Completed: "701000000000001"
default_country: US
default_currency: USD
`

func BenchmarkMap(b *testing.B) {
	for _, bench := range []struct{ name, mapping string }{
		{"plain", benchmarkMapping},
		{"people", benchmarkMapping},
		{"expr", benchmarkMapping[:len("version: 1\nevents:\n")] +
			"  Order Completed: { to: \"701000000000001\", when: properties.revenue > 0 and len(properties.products) > 0 }\n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var opts []ParseOption
			if bench.name == "people" {
				opts = append(opts, WithSecret(testSecret))
			}
			m, _, err := Parse("mapping.yaml", []byte(bench.mapping), opts...)
			if err != nil {
				b.Fatal(err)
			}
			now := time.Date(2026, 11, 20, 10, 16, 0, 0, time.UTC)
			ev := Event{Body: []byte(benchmarkEvent), Received: now}
			b.SetBytes(int64(len(ev.Body)))
			b.ReportAllocs()
			for b.Loop() {
				out := m.Map(ev, now)
				if len(out) != 1 || bench.name != "expr" && out[0].Kind != Send {
					b.Fatal(out)
				}
			}
		})
	}
}
