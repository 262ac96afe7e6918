// Package config reads relay.yaml. Package config/watch detects changes of it and of the files it names.
//
// # What it guarantees
//
//   - One table (settings) holds every key with its type, default, bounds,
//     meaning and whether a change takes effect while relay runs. [Load], [Reference],
//     [Schema], [Config.Effective] and the test of the shipped relay.yaml read
//     it, so they cannot disagree.
//   - [Load] reports all problems at once, with line, column, source
//     line and a hint, as one [*InvalidError] (errors.Is ErrInvalid: exit 78).
//     Legal but suspicious values are returned as warnings.
//   - ${env:…}, ${file:…} and ${cred:…} are expanded inside parsed values. The
//     result cannot add keys and is not expanded again.
//   - A [Secret] prints as <secret> everywhere. Messages quote the text of
//     the file, not its expansion, and leave out the values of keys that
//     name secrets, also in a file that does not parse.
//
// # What can hurt you
//
// A token file that cannot be read is a warning, not an error: relay must continue to
// accept events. This package checks the bounds of a key. Code that uses a key reports
// what only it can find (is the volume large enough?) through [Config.Invalid].
//
// # Shape
//
//	relay.yaml ─strictyaml.Parse─► Document ─Expand─► read by table ─validate─► Config
//	                                                                    │
//	               warnings, *InvalidError{Problems} ◄── conceal ◄──────┘
package config
