package main

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"relay/relay/internal/sidecar"
)

// rule replaces what differs from run to run by a name in angle brackets. A
// rule is as narrow as it can be: a word that changes must show.
type rule func(text string) string

func apply(text string, rules []rule) string {
	for _, r := range rules {
		text = r(text)
	}
	return text
}

// pattern replaces every match; ${1} and so on stand for its groups.
func pattern(find, by string) rule {
	re := regexp.MustCompile(find)
	return func(text string) string { return re.ReplaceAllString(text, by) }
}

// field replaces the number (or null) in a member of a JSON object.
func field(names, by string) rule {
	return pattern(`("(?:`+names+`)": ?)(?:-?[0-9][0-9.e+-]*|null)`, "${1}"+by)
}

// near replaces a time when it lies within two days of now: one that relay
// took from the clock. Others are of the events and must stay, and so must
// those of fixtures and of examples in messages, on whatever day this runs.
func near(find, layout, by string) rule {
	re := regexp.MustCompile(find)
	return func(text string) string {
		return re.ReplaceAllStringFunc(text, func(s string) string {
			at, err := time.ParseInLocation(layout, s, time.Local)
			if err != nil || time.Since(at).Abs() > 48*time.Hour || slices.Contains(fixedTimes, s) {
				return s
			}
			return by
		})
	}
}

var fixedTimes = []string{"2026-01-31T09:00:00Z", "2026-11-20T18:30:00Z", "2026-11-24T09:00:00Z", "2026-11-24T11:00:00Z", "2026-11-24T12:00:00Z"}

// everywhere is applied to all output. Names of this run (directories,
// addresses) come before.
var everywhere = []rule{
	near(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`, time.RFC3339Nano, "<time>"),
	near(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, time.DateTime, "<time>"),
	pattern(`\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`, "<uuid>"),
	pattern(`\bMeta accepts the newest until \S+Z:`, "Meta accepts the newest until <time>:"),
	pattern(`\b[9a]{8}-[9a]{4}-[9a]{4}-[9a]{4}-[9a]{12}\b`, "<masked uuid>"),
	pattern(`\bSandbox\d{6}\b`, "<fbtrace_id>"), // the simulator counts calls of all event sets
	pattern(regexp.QuoteMeta(runtime.Version()), "<go version>"),
	pattern(`"version": ?"`+regexp.QuoteMeta(sidecar.Build().Version)+`"`, `"version":"<version>"`),
	pattern(`\brelay `+regexp.QuoteMeta(sidecar.Build().Version)+` `, `relay <version> `),
	pattern(`"revision": ?"[0-9a-f]+"`, `"revision":"<revision>"`),
	field("pid", "<pid>"),
	pattern(`\b(looked up) between \S+ and \d{4}-\d\d-\d\d`, "${1} between <day> and <day>"), // of whatever row is the newest
	pattern(`\bin use by process \d+`, "in use by process <pid>"),

	// Sizes of files, which the disk's blocks and bbolt decide, and the volume.
	field("bytes|dead_bytes|disk_free_bytes|disk_size_bytes", "<bytes>"),
	pattern(`\b\d+(?:\.\d)? (?:B|[KMG]iB) of (\d+(?:\.\d)? [KMG]iB) on disk`, "<size> of ${1} on disk"),

	// What a clock measures.
	field("lag_seconds|sync_p99_seconds|clock_skew_seconds", "<seconds>"),
	field("full_in_seconds|drain_seconds", "<seconds or null>"),
	field("in|settled|rate", "<rate>"),
	pattern(`("rates":\s*\{[^}]*"delivered": ?)[0-9.e+-]+`, "${1}<rate>"),
	pattern(`(?m)^Retry-After: \d+$`, "Retry-After: <seconds>"),
	pattern(`\brates  \d+\.\d events/s in, \d+\.\d conversions/s delivered`, "rates  <rate> events/s in, <rate> conversions/s delivered"),
	pattern(`  up \d+ s  pid \d+`, "  up <duration>  pid <pid>"),
	pattern(`; oldest \d+ s\b`, "; oldest <duration>"),
	pattern(`; empty in about (?:\d+ s|\d+ min|\d+ h \d+ min|\d+ d)`, "; empty in about <duration>"),
}

// columns makes one gap of every gap in a table: how wide a column is depends
// on the widest cell, which may be a size or an age.
var columns = pattern(`([^ \n])  +`, "${1}  ")

// Cells of tables.
var (
	ages  = pattern(`(?m)  \d+ s  `, "  <duration>  ")
	sizes = pattern(`(?m)  \d+(?:\.\d)? (?:B|[KMG]iB)(  |$)`, "  <size>${1}")
)

// unwrapped undoes the line breaks of doctor, which fall elsewhere when a path
// is longer.
func unwrapped(text string) string {
	const indent = "\n                  "
	text = strings.ReplaceAll(text, indent, " ")
	return strings.ReplaceAll(text, " Do: ", indent+"Do: ")
}
