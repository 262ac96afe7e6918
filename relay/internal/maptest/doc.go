// Package maptest runs tests of a mapping: events in, expected outcomes out,
// written in YAML beside the mapping (mapping.test.yaml for mapping.yaml) by
// those who operate it.
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
// Every outcome of an event must be expected, in the order of the mapping: a
// conversion that nobody mentioned fails the test. Of a conversion the members
// that are named must be equal (numbers by value), null means absent, others may
// be anything. A file that is wrong is refused with all mistakes at once, like a
// mapping; expressions and times are the file's own, so a test gives the same
// today and in a year.
package maptest
