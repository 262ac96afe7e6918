// Package match makes of one raw value of a match key what Meta would hash, and says
// why: Normalise gives the normal form, SumOf its SHA-256. Table holds what each key
// is called, in the mapping and in the two formats, and where its values come from.
//
// It is pure. A value that no customer has, or that has more than one reading, is
// left out with a code and words that never hold the value itself.
//
// What can hurt you: the same person must get the same hash from every channel and
// for ever, so a rule that gives another normal form is a change of what is sent
// (mapper.Encoding). The quick ways of plain.go are taken when nobody asks for the
// steps, and must give what the long ways give; FuzzQuickKeys compares them. A
// hash that a value came as has no normal form: Value.Hashed says so.
package match
