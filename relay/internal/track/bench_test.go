package track

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
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
func sampleBatch(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"batch":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(sampleEvent(i))
	}
	b.WriteString(`],"writeKey":"WK","sentAt":"2026-11-23T14:39:50.995Z"}`)
	return []byte(b.String())
}

// BenchmarkScan compares the scanner with jsontext; repeat it when a library claims to be
// faster. Both find the members and ranges of 100 messages and detect repeated names.
func BenchmarkScan(b *testing.B) {
	body := sampleBatch(100)
	b.Run("scanner", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		var r Reader
		for b.Loop() {
			if err := r.Scan(body, true); err != nil || r.Len() != 100 {
				b.Fatal(err)
			}
		}
	})
	for name, repeated := range map[string]bool{"jsontext": false, "jsontext-blind-to-repeats": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			in := jsontext.NewDecoder(&bytes.Buffer{})
			for b.Loop() {
				in.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(repeated))
				if err := offsets(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// offsets walks the members of a batch and of its messages with jsontext.
func offsets(in *jsontext.Decoder) error {
	found := 0
	for {
		switch depth := in.StackDepth(); {
		case in.PeekKind() == '}' || in.PeekKind() == ']' || depth == 0 || depth == 2 || depth == 1 && found == 1:
			found = 0
			if _, err := in.ReadToken(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		default: // a name and its value
			name, err := in.ReadValue()
			if err != nil {
				return err
			}
			if depth == 1 && string(name) == `"batch"` {
				found = 1
				continue
			}
			if _, err := in.ReadValue(); err != nil {
				return err
			}
		}
	}
}

// BenchmarkPrint measures the fingerprint of a message.
func BenchmarkPrint(b *testing.B) {
	body := []byte(sampleEvent(7))
	var r Reader
	if err := r.Scan(body, false); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r.print.event(body, &r.env.messages[0]) == 0 {
			b.Fatal()
		}
	}
}
