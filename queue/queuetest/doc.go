// Package queuetest is the contract of the queue as tests. Every engine runs the same tests: a test
// of the engine calls Run with an Engine that describes how to open a log and which optional
// abilities the engine has.
//
// # What it tests
//
// An engine that passes guarantees:
//
//   - Append stores all entries of a call or none, and confirmed records are read after the log was
//     closed or its process was killed. An id is stored once: within one call, by concurrent callers,
//     later, and after a reopen.
//   - Read returns a lane's records in order, within its limits, with the bytes that were appended,
//     and returns them again until they are settled.
//   - Settle is final: settled records are not read again, also after a reopen or a kill. Letters
//     become durable together with their settlement, or not at all. A settlement made for another
//     revision does not happen; a repeated one has no further effect.
//   - Lanes counts pending records. Changed wakes a reader after every append.
//   - A full log returns queue.FullError, stores nothing of a refused call, still reads and settles,
//     and accepts appends again once there is room.
//   - If the disk hangs, calls return an error, memory use stays bounded, and the log is usable again
//     once the disk answers.
//   - A damaged file loses only what it contains, and the loss is counted.
//
// # What it does not cover
//
// Power cuts: a killed process leaves the kernel's pages as they are. Values, moving, redriving and
// forgetting.
//
// # How it runs
//
// A test of an ability that the engine lacks is skipped and names the ability. Random tests print
// their seed; RELAY_SEED repeats it. RELAY_EXAM=1 makes them long. The kill test starts the test
// binary again as a child process with RELAY_QUEUETEST_DIR set; Run then works on that log until it is
// killed.
package queuetest
