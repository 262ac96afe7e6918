package rules

import (
	"slices"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/fold"
)

// The lists of a mapping: the places where an event is listed.
const (
	ListEvents       = "events"
	ListLead         = "lead"                  // sent as Lead
	ListRegistration = "complete_registration" // sent as CompleteRegistration
)

// Lists names them, in an order that stays: package drain numbers a record's
// conversions by it, durably.
func Lists() []string { return []string{ListEvents, ListLead, ListRegistration} }

// The Segment names that the rules of docs/contract.md 5.1 treat by themselves.
const (
	OrderCompleted    = "Order Completed"
	ProductListViewed = "Product List Viewed"
	ProductsSearched  = "Products Searched"
)

// The conversion names that checks depend on.
const (
	Purchase = "Purchase"
	other    = "Other" // what the offline format calls everything it does not know
)

// Builtin is the table of Segment names and what Meta calls them.
var Builtin = []struct{ Event, Conversion string }{
	{ProductsSearched, "Search"},
	{"Product Viewed", "ViewContent"},
	{ProductListViewed, "ViewContent"},
	{"Product Added to Wishlist", "AddToWishlist"},
	{"Product Added", "AddToCart"},
	{"Checkout Started", "InitiateCheckout"},
	{"Payment Info Entered", "AddPaymentInfo"},
	{OrderCompleted, Purchase},
}

// conversionName is what an event of the events list is called at Meta.
func conversionName(event, as string, api meta.API) string {
	name := as
	if name == "" {
		name = event
		for _, b := range Builtin {
			if b.Event == event {
				name = b.Conversion
				break
			}
		}
	}
	if api == meta.Offline && name != other && !slices.Contains(meta.StandardEvents.Names, name) {
		return other
	}
	return name
}

// builtinEvents returns the Segment names of the built-in table.
func builtinEvents() []string {
	out := make([]string, len(Builtin))
	for i, b := range Builtin {
		out[i] = b.Event
	}
	return out
}

// nearMiss returns the name among candidates that name was probably meant to
// be, or "". Different tenses and words are different events: only case,
// spacing and a slip or two count.
func nearMiss(name string, candidates []string) string {
	for _, c := range candidates {
		if c != name && fold.Name(c) == fold.Name(name) {
			return c
		}
	}
	return strictyaml.Suggest(name, candidates)
}
