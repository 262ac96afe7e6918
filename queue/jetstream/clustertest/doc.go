// Package clustertest runs the contract of the queue against package jetstream and
// three servers of NATS in this process. It is a module of its own, so that relay's
// has no server in it.
package clustertest
