// Package jetstream is the engine of the queue on NATS JetStream: a log that
// several machines hold, for a hub of which no single machine may matter.
//
// Log is the engine; Queue is a Log as the parts of a relay use a queue (queue.nats). It
// makes no backup. Package clustertest, a module of its own, runs the contract's tests,
// relay's program and faults against three servers.
//
//	Append ──one chunk, one message──► one of three streams, three replicas each
//	Lease  ──► one process drains, all append
//	Read   ◄──the chunks, in the order in which this process has seen them
//	Settle ──► letters ──► the row of the lane, compare-and-set
//
// # What lies in JetStream
//
//	NAME-0, NAME-1, NAME-2   a message a chunk, for all lanes of its records: it is the
//	                         chunk of package chunk, and Nats-Msg-Id names it in every try
//	KV_NAME-rows             a row a lane: revision, state, counts, what is settled;
//	                         the secret that ids are keyed with; the lease; small values
//	NAME-dead                a message a letter; it counts once the row of its lane names it
//	NAME-ids                 names of ids whose chunks are gone, for the window
//
// # What it guarantees
//
// Append returns nil once a majority of the servers have the chunk on their synced
// logs. A stream that does not answer within Options.Hop is left, and the same chunk goes
// to the next one. Each stream is led by another server, as far as servers are there: one that
// dies or hangs costs appends no more than Options.Hop.
//
// One id may lie there several times: a chunk that went to two streams, an event that two
// processes took at once. One of them is read, and what a lane has settled of one it has of
// all. Two events that two processes took at once under one id are both read.
//
// A Settle is the compare-and-set of one message. Who takes the lease raises the epoch in
// each of them: who had it before gets queue.ErrFenced.
//
// A message that one server does not show is asked of the others: what is behind, or was the
// leader and has not noticed yet, shows less than there is. Read returns queue.ErrStalled until
// one shows it. Only what most servers have not shown for Options.Gone is gone, and counted as lost.
//
// Streams that were removed, or of which the servers have lost messages, use sequence
// numbers again. That is seen at Open, when a number comes again, and when the servers have
// shown less than was read for Options.Gone: what waited and is gone is counted, and nothing new
// is taken for settled. A lane whose row is gone starts over: what was settled may be sent
// again, letters stay letters.
//
// # What can hurt you
//
// Servers that do not sync always lose what they confirmed: Open refuses them, and so
// it does older ones than 2.15, fewer than three replicas, and servers whose max_payload is too
// small for a request. An append that ended in queue.ErrStalled may still come up.
// About 100 bytes of memory are used for each record that waits and for each id of the window.
//
// Sequence numbers of two streams say nothing about which came first, so
// queue.UpTo has no meaning here; Batch.Covers has.
package jetstream
