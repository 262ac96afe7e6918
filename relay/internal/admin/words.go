package admin

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"relay/relay/internal/drain"
)

// laneWords says a lane's state to somebody who has never read the code: what
// is the case, and what happens next and when.
func laneWords(l *LaneInfo, now time.Time) (headline, next string) {
	when := "soon"
	if l.NextAttemptAt != nil {
		when = in(l.NextAttemptAt.Sub(now))
	}
	switch drain.State(l.State) {
	case drain.Idle:
		return "Nothing to send", "Sends as soon as an event arrives."
	case drain.Sending:
		if l.DrainSeconds != nil && *l.DrainSeconds >= 10 {
			return "Sending", "Done in about " + about(time.Duration(*l.DrainSeconds*float64(time.Second))) + " at this rate."
		}
		return "Sending", "Nothing to do."
	case drain.WaitingRetry:
		return "Waiting to try again", "Tries again " + when + ". Events are kept; nothing to do unless it lasts."
	case drain.Throttled:
		return "Meta asked to slow down", "Sends again " + when + ". Events are kept; nothing to do."
	case drain.RateLimited:
		if l.Usage >= 0.8 && l.NextAttemptAt != nil {
			return fmt.Sprintf("Going slowly: %.0f %% of Meta's allowance is used", 100*l.Usage),
				"Sends again " + when + ", so that Meta has no reason to block. Events are kept; nothing to do unless it lasts."
		}
		return "Waiting for its turn", "Sends as fast as rate.requests_per_second in relay.yaml allows; at 0 nothing is sent."
	case drain.ManuallyPaused:
		return "Paused by an operator", "Sends nothing until it is resumed. Events are kept."
	case drain.PausedToken:
		return "Access token refused", probe("Put a valid token in place: relay picks it up and goes on by itself.", l, now)
	case drain.PausedPermission:
		return "Not allowed to write to this event set", probe("An admin of Meta's Business settings must give the token's system user access to it.", l, now)
	case drain.PausedConfig:
		return "Settings are wrong", probe("Check the event set's id in the mapping and the Graph API version in relay.yaml.", l, now)
	case drain.BreakerOpen:
		return "Stopped: Meta refuses everything", probe("The mapping is probably wrong. Correct it: relay goes on when it is saved.", l, now)
	case drain.NoToken:
		return "No access token", "Set graph.access_token or graph.access_token_file in relay.yaml; events are kept until then."
	case drain.DryRun:
		return "Dry run", "graph.dry_run is on: events are mapped and checked, nothing is sent, everything is kept."
	case drain.Retired:
		return "No longer in the mapping", "Its events are kept. Move them to another event set, or drop them."
	case drain.Storage:
		return "The disk does not answer", "Sends nothing until progress can be noted on disk. Check the disk; it goes on by itself."
	case drain.DeadFull:
		return "No room for dead letters", "Retry, export or drop dead letters, or raise queue.dead_max_size. Events are kept."
	case drain.NoMapping:
		return "No mapping", "Write the mapping file: relay goes on when it is saved. Events are kept."
	}
	return strings.ReplaceAll(l.State, "_", " "), ""
}

// probe adds when a lane that waits for a human looks by itself.
func probe(fix string, l *LaneInfo, now time.Time) string {
	if l.NextAttemptAt == nil {
		return fix + " Events are kept."
	}
	return fix + " Events are kept; one request is tried " + in(l.NextAttemptAt.Sub(now)) + "."
}

func in(d time.Duration) string {
	if d <= time.Second {
		return "now"
	}
	return "in " + about(d)
}

// about rounds a duration to what a person wants to know.
func about(d time.Duration) string {
	plural := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 90:
		return plural(max(s, 1), "second")
	case s < 90*60:
		return plural((s+30)/60, "minute")
	case s < 36*3600:
		return plural((s+1800)/3600, "hour")
	}
	return plural((s+12*3600)/(24*3600), "day")
}

// Reasons lists the reasons of dead letters with their plain words.
func Reasons() map[string]string { return maps.Clone(reasonWords) }

// ReasonWords says a dead letter's reason in plain words.
func ReasonWords(reason string) string {
	if w, ok := reasonWords[reason]; ok {
		return w
	}
	return strings.ReplaceAll(reason, "_", " ")
}

var reasonWords = map[string]string{
	"invalid":          "not a usable event",
	"too_large":        "larger than the limit",
	"unrouted":         "no longer mapped to this event set",
	"expression":       "a formula in the mapping failed",
	"expired":          "too old for Meta",
	"future":           "dated in the future",
	"no_match_key":     "no usable customer data",
	"weak_match_keys":  "customer data too weak to match",
	"missing_value":    "purchase without a value",
	"invalid_value":    "purchase with an unreadable value",
	"missing_currency": "purchase without a currency",
	"invalid_currency": "purchase with an unknown currency",
	"rejected":         "refused by Meta",
}
