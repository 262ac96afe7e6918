// Package privacy removes a person from everything that holds events (Holdings.Forget) and
// decides what of an event people without access to personal data can see (Mask, ShowEvent).
// Package person decides whether a text is about a person.
//
//	copies ─► dropped files ─► queue, dead letters ─► receipts ─► places that could not be searched
//
// What it guarantees:
//
//   - Forget counts and removes with the same search, and names every place it could not
//     search.
//   - An event that moves from one place to the next is not missed: a place is searched
//     before the place it feeds.
//   - Mask replaces values by their shape, except for listed properties that are not
//     personal. An unknown property is masked, and so are keys, names and ids that could
//     identify a person.
//
// Hazard: data that has left relay (exports, backups, Meta) is not reached.
package privacy
