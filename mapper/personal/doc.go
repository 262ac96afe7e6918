// Package personal recognises personal data in an event in three ways: by property names, read
// as words in the languages of tills (Name); by the form of a text, such as an e-mail address
// or phone number (HoldsEmail, HoldsPhone); and by the data of the same event's customer
// (Person).
//
// The package is pure. Its cost is linear in the length of its input.
//
// Caution: no list of names is complete. The three ways complement each other and
// custom_data.only of the mapping.
package personal
