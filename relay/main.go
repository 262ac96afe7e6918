// Command relay is a store-and-forward sidecar between a point-of-sale
// backend and Meta's Graph API: it takes Segment-style track calls on
// localhost, has them on disk before it answers, and uploads them as offline
// conversions when the connection, the token and the rate limit allow.
//
// This package is thin: one file a command, each wiring the packages that do
// the work. Package sidecar puts a running relay together.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // a shop's Windows box has no zone files
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
