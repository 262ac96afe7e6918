package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/relay/internal/sandbox"
)

// mappedAs is a mapping for every event that the fuzzer makes.
const mappedAs = `version: 1
events: { E: "1", Order Completed: "1", Product List Viewed: "1", P: { to: "1", as: Purchase, value: [properties.amount] } }
default_country: US
default_currency: USD
limited_data_use: { country: 1, state: 1000 }
match_keys: { date_of_birth: [context.traits.birthday], external_id: { all: [userId, properties.card] }, madid: properties.madid, fb_login_id: properties.login,
  client_ip_address: properties.ip4, fbp: properties.fbp, page_id: properties.page }
store: { code: properties.store, page_id: properties.page }
opt_out: properties.out
action_source: properties.channel
referrer_url: properties.referrer
customer_segmentation: properties.customer
original_event_data: { event_name: properties.first, event_time: properties.at, order_id: properties.card }
contents: [brand, title]
custom_data: { set: { code: properties.store, order_id: properties.receipt } }
`

// FuzzMapped: whatever the mapper would send, in either format, the simulator's
// strict rules take.
func FuzzMapped(f *testing.F) {
	for _, s := range []string{
		`{"event":"E","userId":"u","properties":{"value":0,"content_ids":[1],"num_items":2.5,"status":3,"order_id":"","item_number":7}}`,
		`{"event":"P","userId":"u","properties":{"amount":"0","receipt":[1],"products":[{"product_id":"a","quantity":0.5,"price":-1}]}}`,
		`{"event":"Order Completed","userId":"u","properties":{"revenue":1e12,"products":[{"product_id":"a","price":0},{"product_id":7,"quantity":"2"}]}}`,
		`{"event":"E","context":{"traits":{"email":["a@example.com","b@example.com","c@example.com","d@example.com"],"birthday":"1997-02-16"}},"integrations":{"Facebook Offline Conversions":{"leadId":9223372036854775807,"dataProcessingOptions":[["LDU"],1]}}}`,
		`{"event":"E","userId":"ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD","context":{"traits":{"email":"62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F","gender":"F","birthday":"01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"}}}`,
		`{"event":"Order Completed","userId":"u","properties":{"revenue":1,"card":7,"store":"NYC","page":"12","out":"perhaps","channel":"chat","referrer":"http://a.example","customer":"customer_in_loyalty_program","first":"Purchase","at":1,"ip4":"192.0.2.1","fbp":"fb.1.2.3","login":"5","madid":"38400000-8cf0-11bd-b23e-10b96e40000d","products":[{"product_id":"a","brand":7,"name":"n","delivery_category":"in_store"}],"store_data":{"store_code":"","brand_page_id":-1}}}`,
		`{"event":"Product List Viewed","userId":"u","timestamp":"2026-11-24T12:00:59.999Z","properties":{"category":" ","a":{"b":[[],{}]},"big":1e300,"delivery_category":"curbside"}}`,
	} {
		f.Add([]byte(s))
	}
	files, err := filepath.Glob("../../../examples/*.json*")
	if err != nil || len(files) == 0 {
		f.Fatalf("examples: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(src) {
			f.Add(bytes.TrimSpace(line))
		}
	}
	m, _, err := mapper.Parse("mapping.yaml", []byte(mappedAs))
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s, err := sandbox.New(sandbox.Options{Now: func() time.Time { return now.Add(time.Minute) }, MaxEvents: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, api := range []meta.API{meta.Conversions, meta.Offline} {
			for _, o := range m.Map(mapper.Event{Body: body, MessageID: "m-1", Received: now}, now, mapper.OverrideAPI(api)) {
				if o.Kind != mapper.Send {
					continue
				}
				version := "v26.0"
				if api == meta.Offline {
					version = "v16.0"
				}
				request, err := json.Marshal(map[string]any{"access_token": "t", "upload_tag": "Segment", "data": []json.RawMessage{o.Conversion}})
				if err != nil {
					t.Fatal(err)
				}
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("/%s/701000000000001/events", version), bytes.NewReader(request))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					t.Fatalf("%s: refused: %s\n%s", api, w.Body, o.Conversion)
				}
			}
		}
	})
}
