// Package outward decides what of an event may leave for Meta as it is.
//
// A Filter takes up what one event says about its customer: match keys, ids, traits, and
// properties that are personal by their names. From then on it says of each text, number
// and id why it may not leave, or nothing. What names and texts are personal at all is
// package personal's to know; here it is held against one event.
//
// Invariant: every value that a conversion has unhashed was asked about here. The words
// of an answer never hold the value.
//
// What can hurt you: a Filter is for one event at a time. The marks that Begin leaves on
// the properties are what custom_data leaves out; other rules for them need Begin again.
package outward
