// Package person says whether a text is about somebody: for `relay forget`, which
// is given a person's ids, e-mail addresses, phone and order numbers, one a line.
//
//	lines ──Parse──► Names ──NewMatcher──► Event, Text, Row: is it about one of them?
//	                            ▲
//	                  the mappings that events were sent by
//
// # What it guarantees
//
// A name is found in an event
//
//   - when a mapping makes the same match key of both, so in every spelling that
//     would be sent to Meta as the same hash, and as that hash;
//   - when its text stands in the event as a token of its own, in any case: in a
//     value, a member's name that holds a digit or an @, the messageId, JSON text
//     within a property, and each layer of a text (fold.Layers: the escapes of pages,
//     links, mail and programs, and Base64). A token ends where neither letter nor
//     digit follows, nor one of - _ . + @ and such a one behind it: old_cus_83 is not
//     cus_83, bo-ada@ is not ada@. The name of a field may stand before an address
//     (contact_ada@), and behind one only `.label` goes on. An apostrophe within an address
//     is of it: o'brien@ is not brien@; and an address that is all of an e-mail field is
//     no other's. Letters of scripts that are written without blanks end one that has
//     none of them at its edge.
//
// A bare number counts only where ids of people, numbers of orders or phones
// stand: "42" is also a quantity. A phone number is found however it is grouped; where
// no phone is said to stand it has a + or eight digits, and is no date. There a line of
// digits alone (a customer's number?) and a line grouped as no phone number is (an order's?)
// mean no number in other groups but one that is written as people write phone numbers
// (spoken.means).
//
// # What can hurt you
//
// What says nothing about the person is not found: an order that carries only
// somebody's name, when only an address is asked for. Text that is encrypted
// or compressed is not looked into.
//
// A Matcher is not safe for concurrent use.
package person
