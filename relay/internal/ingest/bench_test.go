package ingest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"relay/queue"
)

// sampleEvent returns a realistic track call of about 1.2 KB, as the SDK of a browser or a till
// sends it. All people in it are made up.
func sampleEvent(n int) string {
	return fmt.Sprintf(`{"anonymousId":"%08x-51bd-4e0d-8a77-0242ac120002","context":{"campaign":{"medium":"paid-social","name":"summer-sale","source":"facebook"},`+
		`"ip":"203.0.113.%d","library":{"name":"analytics.js","version":"2.11.1"},"locale":"en-US","page":{"path":"/checkout/thank-you","referrer":"https://shop.example.com/cart",`+
		`"title":"Thank you for your order","url":"https://shop.example.com/checkout/thank-you?order=%d"},"traits":{"address":{"city":"São Paulo","country":"US","postalCode":"%05d","state":"CA"},`+
		`"email":" jane.%d@Example.COM ","firstName":"Amélie","lastName":"Ó Briain","phone":"+1 (415) 555-%04d"},"userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},`+
		`"event":"Order Completed","integrations":{"All":true},"messageId":"%08x-0001-4000-8000-%012x","properties":{"coupon":"SUMMER%02d","currency":"USD","fbc":"fb.1.1554763741205.abcdefgh","fbp":"fb.1.1596403881668.1116446470",`+
		`"order_id":"ord-%d","products":[{"price":19.99,"product_id":"sku-%05d","quantity":2},{"price":5.5,"product_id":"sku-00042","quantity":1}],"revenue":45.48,"value":45.48},`+
		`"sentAt":"2026-11-23T14:39:50.995Z","timestamp":"2026-11-23T14:39:50.990Z","type":"track","userId":"user-%07d"}`,
		n, n%250+1, 100000+n, n%99999, n, n%10000, n, n, n%40, 100000+n, n%5000, n)
}

// sampleBatch returns a body with n sample events, as analytics-node sends it.
func sampleBatch(n int) string {
	var b strings.Builder
	b.WriteString(`{"batch":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(sampleEvent(i))
	}
	b.WriteString(`],"writeKey":"WK","sentAt":"2026-11-23T14:39:50.995Z"}`)
	return b.String()
}

// nowhere is an Appender that discards everything at no cost.
type nowhere struct{}

func (nowhere) Append(_ context.Context, es []queue.Entry) (queue.Appended, error) {
	return queue.Appended{Stored: len(es)}, nil
}

type discard struct {
	h      http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(s int)           { d.status = s }

// BenchmarkServe measures the whole handler without net/http and the queue.
func BenchmarkServe(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h, err := New(Options{Queue: nowhere{}, Route: routes, Keys: []Key{{Key: "WK"}, {Key: "next"}}})
			if err != nil {
				b.Fatal(err)
			}
			body, path := sampleEvent(7), "/v1/track"
			if n > 1 {
				body, path = sampleBatch(n), "/v1/batch"
			}
			r, _ := http.NewRequest("POST", path, nil)
			r.Host = "127.0.0.1:8585"
			r.SetBasicAuth("WK", "")
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = int64(len(body))
			var in strings.Reader
			r.Body = io.NopCloser(&in)
			rw := &discard{h: http.Header{}}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(body)
				clear(rw.h)
				rw.status = 200
				h.ServeHTTP(rw, r)
				if rw.status != 200 {
					b.Fatal(rw.status)
				}
			}
		})
	}
}
