package mapper

import "slices"

// The codes of notes made by this package. Normalising a match key has its own codes, such as
// phone_no_country. Metrics count by code, so the set of codes is closed and a code never
// contains a value.
const (
	NoteNearMiss        = "near_miss_event" // an unmapped name similar to a mapped or built-in one
	noteNotObject       = "not_an_object"   // properties, context, traits … counts as absent
	noteNotList         = "not_a_list"      // products is not a list
	noteDuplicateName   = "duplicate_name"  // a member twice in one object: the last one counts
	noteNaN             = "not_a_number"    // NaN or Infinity, read as null
	noteBadUTF8         = "invalid_utf8"    // invalid bytes were replaced
	noteBadTime         = "unreadable_time" // an unreadable time: the next source is used
	NoteLocalTime       = "local_time"      // a time without a zone and no timezone: read as UTC
	noteSkewCorrected   = "clock_skew_corrected"
	noteMissingCurrency = "missing_currency"    // a value without a currency, left out
	noteInvalidCurrency = "invalid_currency"    // left out
	noteInvalidValue    = "invalid_value"       // an unreadable or negative amount, left out
	noteZeroValue       = "zero_value"          // a Purchase with value 0
	noteAmbiguousValue  = "ambiguous_value"     // 1.234 as text
	noteCodeMismatch    = "currency_mismatch"   // "5 EUR" with another currency: both are left out
	noteValueAlone      = "currency_alone"      // offline: a currency without a value, left out
	noteProductNoID     = "product_without_id"  // left out of contents
	noteBadQuantity     = "invalid_quantity"    // sent as 1 or, if zero, left out of contents
	noteReturned        = "returned_product"    // left out of contents
	noteBadPrice        = "invalid_price"       // left out of contents
	noteHashedID        = "id_personal"         // an id with an address in it: sent as its keyed hash
	noteBadID           = "invalid_id"          // an id that is neither text nor number
	NotePersonal        = "property_personal"   // a property left out as personal
	noteWrongType       = "property_type"       // a standard name with a type that Meta does not expect
	noteTooDeep         = "property_too_deep"   // nested too deeply
	noteBadNumber       = "number_out_of_range" // a number out of the range of a double
	noteMetaField       = "property_reserved"   // a property with a name reserved by Meta
	noteNotText         = "not_text"            // a match key that is neither text nor number
	noteSeveralValues   = "several_values"      // of a key that takes one
	noteTooMany         = "too_many_values"     // more than the format takes
	noteHouse           = "house_customer"      // a match key of the shop, the till or staff
	NoteUnread          = "customer_unread"     // an address in an event without customer that no match key reads
	noteHashedDate      = "hashed_date"         // offline: a hashed birth date cannot be split
	noteBadOptions      = "invalid_processing_options"
	noteItemNoOrder     = "item_number_without_order"
	noteBadMember       = "invalid_member"     // a value that Meta's member does not accept, left out
	noteBadIdentifier   = "invalid_identifier" // of user_data, left out
	noteWebSignal       = "web_signal"         // belongs to a web page visit, on a store's event: left out
	noteNotOffline      = "not_offline"        // the offline format has no such member
	noteLeadInStore     = "lead_id_in_store"   // a lead id on a physical_store event
	noteLeadLength      = "lead_id_length"     // preset crm_lead: not the length of Meta's lead ids, left out
)

// whyLeadLength explains why a lead id is not sent for a lead stage (docs/meta.md 4.3): Meta
// would refuse the event and the whole request.
const whyLeadLength = "the lead id does not have the 15 to 17 digits of a Meta lead id; left out"

// noteList collects notes. Equal notes are kept once, and an event gets at most maxNotes.
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
