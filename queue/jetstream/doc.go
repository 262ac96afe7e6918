// Package jetstream is the queue engine on NATS JetStream: a log replicated on several machines,
// for a hub that must survive the loss of any one of them.
//
// Log is the engine; Queue adapts a Log to the way relay uses a queue (queue.nats). It makes no
// backups. Package clustertest, a separate module, tests the contract, relay's program and faults
// against three servers.
//
//	Append ──one chunk, one message──► one of three streams, three replicas each
//	Lease  ──► one process drains, all append
//	Read   ◄──the chunks, in the order in which this process has seen them
//	Settle ──► dead letters ──► the row of the lane, by compare-and-set
//
// # What is stored in JetStream
//
//	NAME-0, NAME-1, NAME-2   one message per chunk (package chunk), for all lanes of its
//	                         records; every attempt has the same Nats-Msg-Id
//	KV_NAME-rows             one row per lane: revision, state, counts, what is settled;
//	                         the secret that ids are hashed with; the lease; small values
//	NAME-dead                one message per dead letter, valid once its lane's row lists it
//	NAME-ids                 hashes of ids whose chunks were removed, for the window
//
// # What it guarantees
//
// Append returns nil once a majority of the servers have synced the chunk. If a stream does not
// answer within Options.Hop, the same chunk goes to the next one. As far as possible each stream is
// led by a different server, so a server that dies or hangs delays appends by at most Options.Hop.
//
// An id may be stored several times: because a chunk went to two streams, or because two processes
// accepted the same event at once. Only one copy is read, and what a lane has settled of one copy
// it has settled of all. If two processes accept two different events with the same id at once,
// both are read.
//
// Settle is the compare-and-set of one message. A process that takes the lease raises the epoch in
// every lane's row, so the former holder gets queue.ErrFenced.
//
// If one server does not have a message, the others are asked: a server that is behind, or a former
// leader that has not noticed that it was replaced, has fewer messages. Until one has it, Read
// returns queue.ErrStalled. Only a message that a majority of the servers have not had for
// Options.Gone is lost, and counted.
//
// Streams that were recreated, or whose servers have lost messages, reuse sequence numbers. This is
// detected at Open, when a number is used again, or when the servers have had fewer messages than
// were read for Options.Gone. Pending records that are lost are counted, and no new record is
// mistaken for a settled one. A lane whose row is lost starts over: settled events may be sent
// again, but dead letters stay dead letters.
//
// # What can hurt you
//
// Servers that do not sync every write lose confirmed messages: Open rejects them. It also rejects
// versions before 2.15, fewer than three replicas, and servers whose max_payload is too small for a
// request. After queue.ErrStalled an append may still be stored. Each pending record, and each id
// in the window, takes about 100 bytes of memory.
//
// Sequence numbers of different streams are not ordered by time. queue.UpTo therefore has no
// meaning here; use Batch.Covers.
package jetstream
