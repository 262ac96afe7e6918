// Package config reads relay.yaml and watches it and the files it names.
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
//   - A [Watcher] tells each change of content once, whole, however it is saved,
//     and deletion and return besides. It has one goroutine, Run's (fsnotify's
//     own ends with it).
//
// # What can hurt you
//
// A token file that cannot be read is a warning, not an error: relay must go on
// taking events. A Watcher cannot know that a program pauses in the middle of
// writing; it tells a file that has been still for Debounce, or for as long as
// [WatchOptions].Still wants, and never one that does not get still
// ([Watcher.Restless]). OnChange runs on Run's goroutine: while it works, nothing else is
// told, and it must not call Check. The bounds of a key are checked here; what
// only its user can know (does the volume have so much room?) is reported by
// that user through [Config.Invalid].
//
// # Shape
//
//	relay.yaml ─strictyaml.Parse─► Document ─Expand─► read by table ─validate─► Config
//	                                                                    │
//	               warnings, *InvalidError{Problems} ◄── conceal ◄──────┘
//
//	directory events ─┐ within 50 ms
//	poll (30 s) ──────┼──► look: every file read whole, hashed ──► still for long enough? ──► OnChange
//	Trigger, Check ───┘         and the directories it is reached through watched
package config
