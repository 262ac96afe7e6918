// Command relay is a store-and-forward sidecar between a point-of-sale
// backend and Meta's Graph API. It accepts Segment-style track calls on
// localhost, stores them on disk before it answers, and uploads them as offline
// conversions when the connection, the token and the rate limit allow.
//
// This package is thin: one file per command, each calling the packages that do
// the work. Package sidecar assembles a running relay.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // Windows has no time zone files
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
