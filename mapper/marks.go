package mapper

import "relay/mapper/event"

// What an event's values are marked with while it is mapped.
const (
	markSource   event.Mark = 1 << iota // a source of a match key: never leaves in custom_data
	markKeep                            // custom_data.keep names it
	markExclude                         // custom_data.exclude names it
	markConsumed                        // gave value, currency, content_ids, contents or store_data
	markPersonal                        // its name says that it is personal
	markOnly                            // custom_data.only names it
)
