// Package socket creates and dials unix sockets, and on Windows named pipes, that only some users
// of the machine may use. It imports no other package of relay.
//
//   - Listen: a socket that has its mode from the first moment it can be found. It replaces what a
//     killed process left behind, and nothing else.
//   - ListenControl, DialControl: the sockets through which commands control a running relay. Open to
//     the owner and root, and to one group. The caller checks who is listening before it sends
//     anything, so that an impostor learns nothing.
//   - Owner, Paths: who owns a directory, and which paths both sides compute for it.
package socket
