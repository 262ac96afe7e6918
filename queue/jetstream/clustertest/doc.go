// Package clustertest runs the queue's contract, and faults, against package jetstream and three
// NATS servers. It is a separate module, so that relay's own module does not depend on the server.
//
//	go test .                                        everything; as root also power cuts and full disks (Linux ext4)
//	go test -short .                                 what CI runs
//	RELAY_EXAM_TIME=30m go test -run TestNemesis -timeout 1h .
//	RELAY_EXAM_TIME=30m go test -run TestStores -timeout 1h .    1,000 stores that forward
//	RELAY_FIGURES=1 go test -v -run TestFigures .    compared with one message per event
//
// Command demo shows what the tests prove. Package rig contains what both run.
//
// If a test kills or freezes a server or a replica, that is a separate process: this test binary
// again.
package clustertest
