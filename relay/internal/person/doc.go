// Package person decides whether a text is about a person. `relay forget` uses it: it is
// given a person's ids, e-mail addresses, phone numbers and order numbers, one a line.
//
//	lines ──Parse──► Names ──NewMatcher──► Event, Text, Cells: does it match one of them?
//	                            ▲
//	                  the mappings that events were sent with
//
// # What it guarantees
//
// A name is found in an event
//
//   - if a mapping makes the same match key of both: in every spelling that would be sent to
//     Meta as the same hash, and as that hash;
//   - if its text stands in the event as a token of its own, in any case: in a value, in a
//     field name that has a digit or an @, in the messageId, in JSON text within a property,
//     and in each layer of a text (fold.Layers: the escapes of pages, links, mail and
//     programs, and Base64). A token ends before a character that is neither letter nor
//     digit, unless that is one of - _ . + @ and a letter or digit follows: old_cus_83 does
//     not hold cus_83, bo-ada@ does not hold ada@. A field name can stand before an address
//     (contact_ada@), and after an address only `.label` continues the token. An apostrophe
//     within an address is part of it: o'brien@ is not brien@. An address that fills an
//     e-mail field holds no other address. Letters of scripts written without spaces end a
//     token that has none of them at its edge.
//
// A bare number counts only in fields for ids of people, order numbers or phone numbers: 42
// is also a quantity. A phone number is found however it is grouped. Outside phone fields it
// must have a + or eight digits, and must not be a date. There, a line of bare digits (which
// could be a customer number) or a line grouped unlike any phone number (which could be an
// order number) matches another grouping only if that is written like a phone number
// (phoneStyle.matches).
//
// # What can hurt you
//
// An event that does not mention the name is not found: an order that carries only a
// customer's first and last name is not found by an address. Encrypted and compressed text
// is not searched.
//
// A Matcher is not safe for concurrent use.
package person
