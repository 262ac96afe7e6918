// Package event is a track call, decoded: a JSON value (Node) whose numbers keep
// the text they came in and whose members keep their order, with marks for whoever
// works through it; places in it (Path); moments (Times) and decimals. It knows
// what senders write and nothing of what a mapping makes of it.
//
// It is pure: no clock, no network, no log.
//
// What can hurt you: a Tree belongs to its Decoder and is gone after Release, so
// nothing that outlives an event may hold a Node, or a text that was not copied.
// A nil *Node may be asked anything and says that there is nothing. Times.Read
// needs the time of receipt, by which it knows an implausible date.
package event
