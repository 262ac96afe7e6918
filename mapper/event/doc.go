// Package event holds a decoded track call: a tree of JSON values (Node) that keeps the text of
// numbers and the order of members, and carries marks for the mapping. It also has paths into
// the tree (Path), times (Times) and decimals. It handles what senders write and is independent
// of any mapping.
//
// The package is pure: no clock, no network, no log.
//
// Caution: a Tree belongs to its Decoder and is invalid after Release. Nothing that outlives
// the event must keep a Node, or text that was not copied. All methods of Node accept a nil
// *Node, which stands for an absent value. Times.Read needs the time of receipt to detect
// implausible dates.
package event
