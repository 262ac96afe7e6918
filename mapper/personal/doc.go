// Package personal tells what of an event is somebody's data: by the names of
// properties, read as words in the languages tills speak (Name); by what a text
// holds, an e-mail address or a phone number written as one (HoldsEmail,
// HoldsPhone); and by what this very event says about its customer (Person).
//
// It is pure, and what it costs is in proportion to what it reads. No list of
// names is ever whole: the three stand beside each other, and beside the
// mapping's custom_data.only.
package personal
