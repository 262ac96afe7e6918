// Package socket makes and calls unix sockets, and on Windows named pipes, that
// only some users of the machine may use. It imports nothing of relay's.
//
//   - Listen: a socket with the mode it is to have from the first moment it can
//     be found, which takes the place of what a killed process left behind and
//     of nothing else.
//   - ListenControl, DialControl: where commands steer a running relay. Open to
//     the owner and root, and to one group. A caller checks who answers before
//     it says anything: whoever took the place learns nothing.
//   - Owner, Paths: whose a directory is, and what paths both sides find for it.
package socket
