// Package privacy is what relay owes the people in its events: what may be shown of
// an event to whoever has no need of the person in it.
//
// What it guarantees: Mask shows shapes instead of values, except for a list of
// properties that are not personal. A property that nobody has thought of is masked,
// and so are keys, names and ids that may be somebody's. Package person says whether a
// text is about somebody.
package privacy
