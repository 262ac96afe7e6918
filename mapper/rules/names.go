package rules

import (
	"slices"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/fold"
)

// The lists of a mapping in which an event can appear.
const (
	ListEvents       = "events"
	ListLead         = "lead"                  // sent as Lead
	ListRegistration = "complete_registration" // sent as CompleteRegistration
)

// Lists returns the names of the lists. The order must not change: package drain numbers the
// conversions of a record by it in durable data.
func Lists() []string { return []string{ListEvents, ListLead, ListRegistration} }

// Segment event names with special rules in docs/contract.md 5.1.
const (
	OrderCompleted    = "Order Completed"
	ProductListViewed = "Product List Viewed"
	ProductsSearched  = "Products Searched"
)

// Conversion names that checks depend on.
const (
	Purchase = "Purchase"
	other    = "Other" // the offline format's name for all non-standard events
)

// Builtin maps Segment event names to Meta's names.
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

// conversionName returns Meta's name for an event in the events list.
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

// builtinEvents returns the Segment names in Builtin.
func builtinEvents() []string {
	out := make([]string, len(Builtin))
	for i, b := range Builtin {
		out[i] = b.Event
	}
	return out
}

// nearMiss returns the candidate that was probably meant by name, or "": one that differs only in
// case and separators, else the most similar one (strictyaml.Suggest).
func nearMiss(name string, candidates []string) string {
	for _, c := range candidates {
		if c != name && fold.Name(c) == fold.Name(name) {
			return c
		}
	}
	return strictyaml.Suggest(name, candidates)
}
