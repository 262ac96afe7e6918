// Package jetstream is the engine of the queue on NATS JetStream: a log that
// several machines hold, for a hub of which no single machine may matter.
//
// It is not finished, and relay's binary does not open it yet: there is no lease
// (several processes may append to one log, one of them may settle), no forget, no
// backup and no configuration. Package clustertest, a module of its own, runs the contract's
// tests and faults against three servers.
//
//	Append ──one chunk, one message──► one of three streams, three replicas each
//	Read   ◄──the chunks, in the order in which this process has seen them
//	Settle ──► letters ──► the row of the lane, compare-and-set
//
// # What lies in JetStream
//
//	NAME-0, NAME-1, NAME-2   a message a chunk, for all lanes of its records: it is the
//	                         chunk of package chunk, and Nats-Msg-Id names it in every try
//	KV_NAME-rows             a row a lane: revision, state, counts, what is settled;
//	                         the secret that ids are keyed with; small values
//	NAME-dead                a message a letter; it counts once the row of its lane names it
//	NAME-ids                 names of ids whose chunks are gone, for the window
//
// # What it guarantees
//
// Append returns nil once a majority of the servers have the chunk on their synced
// logs. A stream that does not answer within Options.Hop is left, and the same chunk goes to the next one;
// should both copies come up, one of them is read. A Settle is the compare-and-set of one message.
//
// A message that one server does not have is asked of the leader of its stream. Only
// if that one has not got it either is it gone, and counted as lost.
//
// Streams that were removed, or that servers without their disks have lost messages of,
// use sequence numbers again. It is seen at Open, within a second, and when a server comes
// back: what waited and is gone is counted, and nothing new is taken for settled. A lane
// whose row is gone starts over: what was settled may be sent again, letters stay letters.
//
// # What can hurt you
//
// Servers that do not sync always lose what they confirmed: Open refuses them, and
// so it does older ones than 2.15, fewer than three replicas, and servers whose max_payload is too small for a
// request. An append that ended in ErrStalled may still come up.
// About 100 bytes of memory are used for each record that waits and for each id of the window.
//
// Sequence numbers of two streams say nothing about which came first, so
// queue.Upto has no meaning here; Batch.Covers has.
package jetstream
