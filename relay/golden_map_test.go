package main

import (
	"testing"
)

const goldenMapping = `version: 1
event_sets:
  stores: { id: "701000000000001" }
  carts: { id: "701000000000002", api: offline }
events:
  Order Completed: stores
  Product Added: [stores, carts]
  Gift: { to: stores, as: Purchase, value: [properties.amount] }
lead: { Quote Requested: stores }
default_country: US
`

const goldenEvents = `{"type":"track","messageId":"m-01","event":"Order Completed","userId":"u1","timestamp":"2026-11-24T11:00:00Z","properties":{"order_id":"o-1","revenue":39.95,"currency":"USD","clerk":"7","products":[{"product_id":"p1","quantity":2,"price":19.975}]},"context":{"traits":{"email":" Ada@Example.com","phone":"(401) 555-0100","firstName":"Ada","address":{"city":"Providence","state":"Rhode Island","postalCode":"02903","country":"USA"}}}}
{"type":"track","messageId":"m-02","event":"Till Opened","userId":"u1"}
{"type":"track","messageId":"m-03","event":"Order Completed","userId":"u1","properties":{"revenue":5}}
{"type":"track","messageId":"m-04","event":"Product Added","userId":"u1","properties":{"product_id":"p1"}}
{"type":"identify","messageId":"m-05","userId":"u1"}
{"type":"track","messageId":"m-06","event":"Order Completed","userId":"u1","integrations":{"All":false},"properties":{"revenue":5,"currency":"USD"}}
{"type":"track","messageId":"m-07","event":"Order Completed","properties":{"revenue":5,"currency":"USD"}}
{"type":"track","messageId":"m-08","event":"Order Completed","userId":"u1","timestamp":"2020-01-01T00:00:00Z","properties":{"revenue":5,"currency":"USD"}}
{"type":"track","messageId":"m-09","event":7}
{"type":"track","messageId":"m-10","event":"Quote Requested","userId":"u1","properties":{"note":"call ada@example.com"}}
not JSON
`

const goldenTests = `version: 1
now: 2026-11-24T12:00:00Z
tests:
  - name: an order
    event: { event: Order Completed, userId: u1, properties: { revenue: 5, currency: USD } }
    expect: { outcome: send, event_set: "701000000000001" }
`

// goldenMap records the dry run of a mapping.
func goldenMap(t *testing.T, r *record) {
	h := newHome(t, testConfig("127.0.0.1:1", ""), goldenMapping)
	r.know(h.dir, "<dir>")
	m, at := h.path("mapping.yaml"), "2026-11-24T12:00:00Z"
	r.state = "events of every fate"
	r.relay(t, ask{stdin: goldenEvents}, "map", "--mapping", m, "--now", at)
	r.relay(t, ask{stdin: goldenEvents}, "map", "--mapping", m, "--now", at, "--api", "offline")
	r.relay(t, ask{stdin: goldenEvents}, "map", "--mapping", m, "--now", at, "--explain")
	r.relay(t, ask{stdin: goldenEvents}, "map", "--mapping", m, "--now", at, "--explain", "--json")
	h.write(t, "events.jsonl", goldenEvents)
	r.relay(t, ask{}, "map", "--mapping", m, "--now", at, "--explain", "--show-pii", h.path("events.jsonl"))
	r.relay(t, ask{}, "map", "--mapping", m, "--now", at, "--strict", h.path("events.jsonl"))
	h.write(t, "till.jsonl", `{"type":"track","messageId":"ada@example.com-1","event":"Order Completed","userId":"cust-4711","timestamp":"2026-11-24T11:00:00Z","properties":{"order_id":"+1 212 555 0147","revenue":5,"currency":"USD","kundenTelefon":"555 0147","note":"Visit of Ada Lovelace","brand":"Jordan","lines":[{"sku":"a-1"},{"sku":"a-2"}],"by":{"Ada Lovelace":1}},"context":{"traits":{"name":"Ada Lovelace"}}}`+"\n")
	r.relay(t, ask{}, "map", "--mapping", m, "--now", at, "--privacy", h.path("events.jsonl"), h.path("till.jsonl"))
	r.relay(t, ask{}, "map", "--mapping", m, "--now", at, "--privacy", "--json", h.path("till.jsonl"))
	r.relay(t, ask{}, "map", "--mapping", m, "--now", at, h.path("till.jsonl"))
	r.relay(t, ask{}, "map", "--mapping", m, h.path("nowhere.jsonl"))
	r.relay(t, ask{stdin: "not JSON at all"}, "map", "--mapping", m, "--now", at)
	r.state = "no tests beside the mapping"
	r.relay(t, ask{}, "test", "--mapping", m)
	h.write(t, "mapping.test.yaml", goldenTests)
	r.state = "tests"
	r.relay(t, ask{}, "test", "--mapping", m)
	r.relay(t, ask{config: h.path("relay.yaml")}, "check")
	h.write(t, "fails.test.yaml", goldenTests+`  - name: another
    event: { event: Order Completed, userId: u1, properties: { revenue: 5 } }
    expect: { outcome: send, event_set: "701000000000002", conversion: { custom_data: { value: 6 } } }
`)
	r.relay(t, ask{}, "test", "--mapping", m, h.path("fails.test.yaml"))
	h.write(t, "bad.test.yaml", "version: 1\ntests:\n  - nam: x\n")
	r.relay(t, ask{}, "test", "--mapping", m, h.path("bad.test.yaml"))
	r.relay(t, ask{}, "check", h.path("bad.test.yaml"))
}
