// Package privacy is what relay owes the people in its events: it removes a person from
// everything that holds events (Holdings.Forget), and says what may be shown of an
// event to whoever has no need of the person in it (Mask, ShowEvent). Package person
// says whether a text is about somebody.
//
//	copies ─► dropped files ─► queue, dead letters ─► receipts ─► what nobody could look into
//
// What it guarantees:
//
//   - Forget counts and removes by the same search, and names every place where it
//     could not look.
//   - An event on its way from one place to the next is not missed: what fills a place
//     is searched before it.
//   - Mask shows shapes instead of values, except for a list of properties that are not
//     personal. A property that nobody has thought of is masked, and so are keys, names
//     and ids that may be somebody's.
//
// Hazard: what has left relay (exports, backups, Meta) is not reached.
package privacy
