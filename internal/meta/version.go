package meta

import (
	"slices"
	"strconv"
	"strings"
)

// Version is one version of the Graph API. The Conversions API follows its calendar, not that of
// the Marketing API.
type Version struct {
	Name     string // v26.0
	Released string // YYYY-MM-DD
	Until    string // the last day it can be used; "": not published
	Fact
}

// versions, oldest first. Missing ones in between had ended long before.
var versions = []Version{
	{"v13.0", "2022-02-08", "2024-05-28", Fact{"M: CHG", "2026-11-26"}},
	{LastOffline, "2023-02-02", "2025-05-14", Fact{"M: CHG", "2026-11-26"}},
	{"v17.0", "2023-05-23", "2025-09-12", Fact{"M: CHG", "2026-11-26"}},
	{"v18.0", "2023-09-12", "2026-01-26", Fact{"M: CHG", "2026-11-26"}},
	{"v19.0", "2024-01-23", "2026-05-21", Fact{"M: CHG", "2026-11-26"}},
	{"v20.0", "2024-05-21", "2026-09-24", Fact{"M: CHG", "2026-11-26"}},
	{"v21.0", "2024-10-02", "2027-01-21", Fact{"M: CHG", "2026-11-26"}},
	{"v22.0", "2025-01-21", "2027-05-20", Fact{"M: CHG", "2026-11-26"}},
	{"v23.0", "2025-05-29", "2027-10-08", Fact{"M: CHG", "2026-11-26"}},
	{"v24.0", "2025-10-08", "2028-02-18", Fact{"M: CHG", "2026-11-26"}},
	{"v25.0", "2026-02-18", "2028-07-29", Fact{"M: CHG", "2026-11-26"}},
	{"v26.0", "2026-07-29", "", Fact{"M: CHG, V26", "2026-11-26"}},
	{"v27.0", "2026-11-04", "", Fact{"M: V27", "2026-11-26"}},
}

// LastOffline is the last version with the Offline Conversions API.
const LastOffline = "v16.0"

// Versions returns the known versions, oldest first.
func Versions() []Version { return slices.Clone(versions) }

// Newest is the newest known version.
func Newest() Version { return versions[len(versions)-1] }

// Newer reports whether version a is newer than b. Both have the form v26.0; missing digits count
// as 0.
func Newer(a, b string) bool {
	x, y := number(a), number(b)
	return x[0] > y[0] || x[0] == y[0] && x[1] > y[1]
}

func number(v string) (n [2]int) {
	major, minor, _ := strings.Cut(strings.TrimPrefix(v, "v"), ".")
	n[0], _ = strconv.Atoi(major)
	n[1], _ = strconv.Atoi(minor)
	return n
}

// State is a state of the USA that data processing options may name.
type State struct {
	Number int
	Code   string // two letters
	Since  string // YYYY-MM-DD; "": before the others
	Fact
}

// states in which Limited Data Use has an effect.
var states = []State{
	{1000, "CA", "", Fact{"M: DPO, EVT", "2026-09-12"}},
	{1001, "CO", "2023-06-01", Fact{"M: DPO", "2026-09-12"}},
	{1002, "CT", "2023-06-01", Fact{"M: DPO", "2026-09-12"}},
	{1003, "FL", "2024-06-24", Fact{"M: DPO", "2026-09-12"}},
	{1004, "OR", "2024-06-24", Fact{"M: DPO", "2026-09-12"}},
	{1005, "TX", "2024-06-24", Fact{"M: DPO", "2026-09-12"}},
	{1006, "MT", "2024-09-23", Fact{"M: DPO", "2026-09-12"}},
	{1007, "DE", "2024-12-18", Fact{"M: DPO", "2026-09-12"}},
	{1008, "NE", "2024-12-18", Fact{"M: DPO", "2026-09-12"}},
	{1009, "NH", "2024-12-18", Fact{"M: DPO", "2026-09-12"}},
	{1010, "NJ", "2024-12-18", Fact{"M: DPO", "2026-09-12"}},
	{1011, "MN", "2025-06-02", Fact{"M: DPO", "2026-09-12"}},
	{1012, "MD", "2025-09-09", Fact{"M: DPO", "2026-09-12"}},
	{1013, "RI", "2025-11-17", Fact{"M: DPO", "2026-09-12"}},
}

// States returns the states of Limited Data Use, by number.
func States() []State { return slices.Clone(states) }

// LimitedUsePlace reports whether data processing options may name this country and state: 1 is the
// USA,
func LimitedUsePlace(country, state int64) bool {
	return (country == 0 || country == 1) && (state == 0 ||
		slices.ContainsFunc(states, func(s State) bool { return int64(s.Number) == state }))
}
