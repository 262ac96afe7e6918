package mapper

import "slices"

// The codes of notes that this package makes itself; those of match keys (such
// as phone_no_country) come from the normalising of each key. Metrics count by
// code, so the set is closed and a code never holds a value.
const (
	NoteNearMiss        = "near_miss_event" // an unmapped name close to a mapped or built-in one
	noteNotObject       = "not_an_object"   // properties, context, traits … counts as absent
	noteNotList         = "not_a_list"      // products that is no list
	noteDuplicateName   = "duplicate_name"  // a member twice in one object: the last counts
	noteNaN             = "not_a_number"    // NaN or Infinity, read as null
	noteBadUTF8         = "invalid_utf8"    // bytes that are no text were replaced
	noteBadTime         = "unreadable_time" // a time that could not be read: next source
	NoteLocalTime       = "local_time"      // a time without a zone, and no timezone: read as UTC
	noteSkewCorrected   = "clock_skew_corrected"
	noteMissingCurrency = "missing_currency"    // a value without a currency, left out
	noteInvalidCurrency = "invalid_currency"    // left out
	noteInvalidValue    = "invalid_value"       // an amount that is unreadable or negative, left out
	noteZeroValue       = "zero_value"          // a Purchase of nothing
	noteAmbiguousValue  = "ambiguous_value"     // 1.234 as text
	noteCodeMismatch    = "currency_mismatch"   // "5 EUR" beside another currency: both are left out
	noteValueAlone      = "currency_alone"      // offline: a currency without a value, left out
	noteProductNoID     = "product_without_id"  // left out of contents
	noteBadQuantity     = "invalid_quantity"    // sent as 1, or, when zero, left out of contents
	noteReturned        = "returned_product"    // left out of contents
	noteBadPrice        = "invalid_price"       // left out of contents
	noteHashedID        = "id_personal"         // an id that holds an address: sent as its keyed hash
	noteBadID           = "invalid_id"          // an id that is neither text nor number
	NotePersonal        = "property_personal"   // a property dropped as personal
	noteWrongType       = "property_type"       // a standard name in a type Meta does not expect
	noteTooDeep         = "property_too_deep"   // nested beyond reason
	noteBadNumber       = "number_out_of_range" // a number no reader can hold
	noteMetaField       = "property_reserved"   // a leftover under a name that is Meta's
	noteNotText         = "not_text"            // a match key that is neither text nor number
	noteSeveralValues   = "several_values"      // of a key that has one
	noteTooMany         = "too_many_values"     // beyond what the format takes
	noteHouse           = "house_customer"      // of a match key that is the shop's own, the till's or staff's
	NoteUnread          = "customer_unread"     // an address in an event without customer: no match key reads it
	noteHashedDate      = "hashed_date"         // offline: a hashed birth date cannot be split
	noteBadOptions      = "invalid_processing_options"
	noteItemNoOrder     = "item_number_without_order"
	noteBadMember       = "invalid_member"     // a value that Meta's member does not take, left out
	noteBadIdentifier   = "invalid_identifier" // of user_data, left out
	noteWebSignal       = "web_signal"         // of a visit of a web page, on a store's event: left out
	noteNotOffline      = "not_offline"        // the offline format has no such member
	noteLeadInStore     = "lead_id_in_store"   // a lead id on a physical_store event
	noteLeadLength      = "lead_id_length"     // preset crm_lead: not as long as Meta's ids of leads, left out
)

// Why a lead id is not sent on a stage of a lead (docs/meta.md 4.3): Meta refuses the
// event, and with it its request.
const whyLeadLength = "lead id has not the 15 to 17 digits of Meta's ids of leads; left out"

// noteList gathers notes; the same note twice is kept once, and an event full
// of oddities gets at most maxNotes.
type noteList []Note

const maxNotes = 100

func (l *noteList) add(code, field, message string) {
	n := Note{Code: code, Field: field, Message: message}
	if slices.Contains(*l, n) {
		return
	}
	switch {
	case len(*l) < maxNotes-1:
	case len(*l) == maxNotes-1:
		n = Note{Code: noteTooMany, Message: "more notes than are kept"}
	default:
		return
	}
	*l = append(*l, n)
}
