// Package config reads relay.yaml. Package watch tells when it, or a file it names, changes.
//
// # What it guarantees
//
//   - One table (settings) holds every key with its type, default, bounds,
//     meaning and whether a running relay takes it over. [Load], [Reference],
//     [Schema], [Config.Effective] and the test of the shipped relay.yaml read
//     it, so they cannot disagree.
//   - [Load] reports everything that is wrong at once, with line, column, source
//     line and a hint, as one [*InvalidError] (errors.Is ErrInvalid: exit 78).
//     What is legal but suspicious comes back as warnings.
//   - ${env:…}, ${file:…} and ${cred:…} are expanded inside parsed values; what
//     they yield can add no key and is not expanded again.
//   - A [Secret] prints as <secret> everywhere. Messages quote what is written in
//     the file, not what it expands to, and leave out the values of keys that
//     name secrets, also in a file that does not parse.
//
// # What can hurt you
//
// A token file that cannot be read is a warning, not an error: relay must go on
// taking events. The bounds of a key are checked here; what
// only its user can know (does the volume have so much room?) is reported by
// that user through [Config.Invalid].
//
// # Shape
//
//	relay.yaml ─strictyaml.Parse─► Document ─Expand─► read by table ─validate─► Config
//	                                                                    │
//	               warnings, *InvalidError{Problems} ◄── conceal ◄──────┘
package config
