package meta

import (
	"slices"
	"time"
)

const day = 24 * time.Hour

// Meta's limits.
const (
	MaxEvents       = 1000     // per request
	MaxOffline      = 2000     // per request in the offline format
	EventAge        = 7 * day  // of an event
	StoreAge        = 62 * day // of a physical store event
	OfflineAge      = 730 * day
	Ahead           = time.Minute // of Meta's clock
	DedupWindow     = 7 * day     // in which a resent event is recognised
	StoreCodeLength = 64          // characters
)

// Limit is a row of docs/meta.md about a limit.
type Limit struct {
	What   string
	Figure string
	Fact
}

var limits = []Limit{
	{"events of a request, CAPI", "1000", Fact{"M: USE", "2026-09-12"}},
	{"events of a request, legacy", "2000", Fact{"C: UPL (`batchSize` 1–2000)", "2026-11-26"}},
	{"age of an event", "7 days", Fact{"M: USE, EVT, OFF; O: LIV", "2026-09-12"}},
	{"age of an event of a physical store", "62 days", Fact{"M: USE, OFF (but see 5.2)", "2026-09-12"}},
	{"age of an event, legacy", "730 days", Fact{"C: UPL (`rejectTimeBefore`)", "2026-11-26"}},
	{"time ahead of Meta's clock", "none is documented; relay sends up to 60 s", Fact{"T: 5.2", "2026-11-26"}},
	{"de-duplication of offline events", "7 days", Fact{"M: OFF, OMN", "2026-09-12"}},
	{"length of `store_code`", "64 characters", Fact{"M: OFF", "2026-09-12"}},
}

// Limits returns the rows.
func Limits() []Limit { return slices.Clone(limits) }
