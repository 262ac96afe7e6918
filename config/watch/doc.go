// Package watch tells when the content of files changes.
//
//	directory events ─┐ within 50 ms
//	poll (30 s) ──────┼──► look: every file read whole, hashed ──► still for long enough? ──► OnChange
//	Trigger, Check ───┘         and the directories it is reached through watched
//
// A [Watcher] tells each change of content once, whole, however the file is saved, and
// deletion and return besides. It has one goroutine, Run's (fsnotify's own ends with it).
//
// What can hurt you: a Watcher cannot know that a program pauses in the middle of writing.
// It tells a file that has been still for Debounce, or for as long as [Options].Still wants,
// and never one that does not get still ([Watcher.Restless]). OnChange runs on Run's
// goroutine: while it works, nothing else is told, and it must not call Check.
package watch
