// Package watch reports changes of the content of files.
//
//	directory events ─┐ within 50 ms
//	poll (30 s) ──────┼──► scan: read and hash every file ──► unchanged for long enough? ──► OnChange
//	Trigger, Check ───┘          and watch the directories that lead to it
//
// A [Watcher] reports each change of content once, with the whole content, however the file is
// saved. It also reports that a file was deleted or came back. It has one goroutine, that of Run;
// fsnotify's own ends with it.
//
// # What can hurt you
//
// A Watcher cannot detect that a program pauses in the middle of writing. It reports a file that
// has been unchanged for Debounce, or for as long as [Options].Quiet requires, and never one that
// keeps changing ([Watcher.ChangingSince]). OnChange runs on Run's goroutine: until it returns,
// nothing else is reported, and it must not call Check.
package watch
