// Package queuetest is the contract of the queue as tests. Every engine runs
// the same ones: a test of the engine calls Run with an Engine that says how to
// open a log, and what else the engine can do.
//
// # What it promises
//
// An engine that passes keeps its word on these points:
//
//   - Append stores all entries of a call or none, and what it confirmed is read
//     after the log was closed or its process was killed. An id is stored once:
//     within one call, by several callers at once, later, and after a reopen.
//   - Read gives a lane its records in order, within its limits, each with the
//     bytes that were appended, and gives them again until they are settled.
//   - Settle is final: what it confirmed is not read again, also after a reopen
//     or a kill. Letters become durable with the settlement they belong to, or
//     not at all. One that was made for another revision does not happen, one that
//     is called again is not made twice.
//   - Lanes counts what waits. Changed wakes a reader for every append.
//   - A full log refuses with queue.FullError, stores nothing of what it refused,
//     goes on reading and settling, and takes appends again once there is room.
//   - A disk that hangs ends calls with an error, costs bounded memory, and is
//     used again once it answers.
//   - A damaged file costs what lies in it, and the loss is counted.
//
// # What it does not cover
//
// A power cut: a killed process leaves the kernel's pages as they are. Notes, and
// what is moved, redriven and forgotten.
//
// # How it runs
//
// A test whose ability the engine does not offer is skipped, and says which one
// is missing. Random tests print their seed; RELAY_SEED repeats it. RELAY_EXAM=1
// makes them long. The test of kills starts the test binary again as a child
// process with RELAY_QUEUETEST_DIR set; Run then works on that log until it is
// killed.
package queuetest
