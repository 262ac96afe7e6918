package mapper

const referenceOwn = `
## Settings of one event

The long form of an event takes ` + "`action_source`, `upload_tag`, `opt_out`, `customer_segmentation`, `referrer_url`, `event_source_url`" + `
and ` + "`original_event_data`" + `, which replace the mapping's, and ` + "`custom_data`" + `, which is added to the mapping's: properties excluded,
kept or set for all events remain so. If both set a name, the event's value is used, and its ` + "`only`" + ` replaces the mapping's.
` + "`custom_data.only`" + ` applies to properties: value, currency, products, order_id and fields of ` + "`set`" + ` are always sent.

` + "`preset: crm_lead`" + ` makes an event a stage of a lead in a CRM, for Meta's Conversion Leads: action_source is system_generated and
custom_data.event_source is crm. Set custom_data.lead_event_source to the name of the CRM. Meta takes such events for 7 days. A lead_id on a
store event is an ordinary match key, with a note.

Events with different upload tags are sent in different requests. More than 20 tags for an event set in a day cause a warning (` + "`many_upload_tags`" + `).
`
