package mapper

const referenceOwn = `
## What one event may have of its own

The long form of an event takes ` + "`action_source`, `upload_tag`, `opt_out`, `customer_segmentation`, `referrer_url`, `event_source_url`" + `
and ` + "`original_event_data`" + `, which count in place of the mapping's, and ` + "`custom_data`" + `, which counts beside the mapping's: what is excluded,
kept or set for all events stays so, of a name that both set the event's own counts, and its own ` + "`only`" + ` counts in place of the mapping's.
` + "`custom_data.only`" + ` is about properties: value, currency, products, order_id and what ` + "`set`" + ` adds leave whatever it names.

` + "`preset: crm_lead`" + ` makes an event a stage of a lead in a CRM, for Meta's Conversion Leads: action_source is system_generated and
custom_data.event_source is crm. Set custom_data.lead_event_source to the name of the CRM. Meta takes such events for 7 days. A lead_id on an
event of a store is a match key like others, and noted.

Events with other upload tags travel in other requests. More than 20 tags for an event set in a day earn a warning (` + "`many_upload_tags`" + `).
`
