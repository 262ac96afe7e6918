package doctor

import (
	"relay/internal/meta"
	"relay/relay/internal/advice"
)

// settings reports the warnings of config and mapping.
func (e *exam) settings() {
	for _, p := range e.Warnings {
		check := "config"
		if p.File == e.Config.Mapping {
			check = "mapping"
		}
		e.report(Finding{Check: check, Code: "suspicious", Level: Warn, Text: p.Error(), Fix: p.Hint, Who: You})
	}
	if e.Hub != nil { // the mapping is at the hub
		return
	}
	if e.Config.Graph.DryRun {
		e.report(advised(Finding{Check: "config", Level: Warn}, advice.DryRun()))
	}
	if len(e.Mapping.Sets()) == 0 {
		e.report(Finding{
			Check: "mapping", Code: "no_events", Level: Warn, Text: "The mapping contains no events, so every event is skipped as unmapped.",
			Fix: "Add events to " + e.Config.Mapping + ".", Who: You,
		})
	}
	for _, s := range e.Mapping.Sets() {
		if s.API == meta.Offline {
			e.report(Finding{
				Check: "version", Code: "offline_api", Level: Warn, EventSet: s.ID,
				Text: "Event set " + label(s) + " uses api: offline, which Meta switched off on 2025-05-14.",
				Fix:  "Use api: conversions in the mapping.", Who: You,
			})
		}
	}
}
