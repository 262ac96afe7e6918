// Package maptest runs the tests of a mapping: events in, expected outcomes out.
// Operators write them in YAML next to the mapping (mapping.test.yaml for mapping.yaml).
//
//	version: 1
//	now: 2026-11-24T12:00:00Z
//	tests:
//	  - name: a sale becomes a Purchase
//	    event:
//	      event: Order Completed
//	      userId: u-1
//	      properties: { revenue: 39.95, currency: usd }
//	    expect:
//	      outcome: send
//	      event_set: stores
//	      conversion:
//	        event_name: Purchase
//	        user_data: { external_id: ["sha256(u-1)"] }
//	        custom_data: { value: 39.95, currency: USD, email: null }
//
// # What it guarantees
//
// A test must list every outcome of an event, in the order of the mapping: an
// unlisted conversion fails the test. The listed members of a conversion
// must be equal (numbers by value), null means absent, other members can have any
// value. A file with mistakes is refused with all of them at once, like a
// mapping. Times come from the file, so a test has the same result today and in a
// year.
package maptest
