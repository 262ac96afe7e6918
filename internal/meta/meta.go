// Package meta is the one table of what Meta has published and may change without a change of
// relay: match keys, fields, words, limits, versions of the Graph API, states of Limited Data Use,
// and error codes. Each row has its source and the day it was last looked up.
//
//	          ┌─► mapper (what is sent, what a mapping may contain, its schema, docs/mapping.md)
//	a row ────┼─► relay/internal/graph (what an answer means, which of its words are kept)
//	          ├─► relay/internal/sandbox (what the simulator knows and refuses)
//	          ├─► relay/internal/doctor (how old the table is, when a version ends)
//	          └─► docs/meta.md, between its "made from" marks
//
// It contains data and what a form of data means, but no rules of relay's: the packages that read a
// row decide what to do with it. `go test ./internal/meta -update` writes the page.
package meta

import (
	"slices"
	"time"
)

// Fact is a row's source, in the short keys of docs/meta.md 0, and the day it was last looked up,
// YYYY-MM-DD.
type Fact struct{ Source, AsOf string }

// VersionLife is the minimum life of a version of the Graph API (docs/meta.md 1.4). A fact looked
// up longer ago may be about versions that no longer exist.
const VersionLife = 2 * 365 * 24 * time.Hour

// Facts returns the fact of every row of the table.
func Facts() (all []Fact) {
	for _, keys := range [][]Key{MatchKeys[:], Identifiers[:], otherKeys} {
		for i := range keys {
			all = append(all, keys[i].Fact)
		}
	}
	for i := range weakSets {
		all = append(all, weakSets[i].Fact)
	}
	for _, fields := range [][]Field{customData, members} {
		for i := range fields {
			all = append(all, fields[i].Fact)
		}
	}
	for _, w := range allWords {
		all = append(all, w.Fact)
	}
	for i := range limits {
		all = append(all, limits[i].Fact)
	}
	for i := range versions {
		all = append(all, versions[i].Fact)
	}
	for i := range states {
		all = append(all, states[i].Fact)
	}
	for i := range codes {
		all = append(all, codes[i].Fact)
	}
	return all
}

// Age returns the days on which the oldest and the newest row were looked up.
func Age() (oldest, newest string) {
	all := Facts()
	days := make([]string, len(all))
	for i := range all {
		days[i] = all[i].AsOf
	}
	return slices.Min(days), slices.Max(days)
}
