// Package clustertest runs the contract of the queue, and faults, against package
// jetstream and three servers of NATS. It is a module of its own, so that relay's has no
// server in it.
//
//	go test .                                        all of it; root adds power cuts and full disks (Linux ext4)
//	go test -short .                                 what CI runs
//	RELAY_EXAM_TIME=30m go test -run TestNemesis -timeout 1h .
//	RELAY_EXAM_TIME=30m go test -run TestStores -timeout 1h .    1,000 stores that forward
//	RELAY_FIGURES=1 go test -v -run TestFigures .    beside a message for each event
//
// Command demo shows what the tests prove, package rig has what both run.
//
// Where a test kills or freezes a server or a replica, that is a process of its own: the
// test binary again.
package clustertest
