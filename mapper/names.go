package mapper

import (
	"slices"
	"strings"
	"unicode/utf8"

	"relay/internal/meta"
	"relay/internal/strictyaml"
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
	orderCompleted    = "Order Completed"
	productListViewed = "Product List Viewed"
	productsSearched  = "Products Searched"
)

// The conversion names that checks depend on.
const (
	purchase = "Purchase"
	other    = "Other" // what the offline format calls everything it does not know
)

// builtin is the seed document's table of Segment names and what Meta calls them.
var builtin = []struct{ event, conversion string }{
	{productsSearched, "Search"},
	{"Product Viewed", "ViewContent"},
	{productListViewed, "ViewContent"},
	{"Product Added to Wishlist", "AddToWishlist"},
	{"Product Added", "AddToCart"},
	{"Checkout Started", "InitiateCheckout"},
	{"Payment Info Entered", "AddPaymentInfo"},
	{orderCompleted, purchase},
}

// conversionName is what an event of the events list is called at Meta.
func conversionName(event, as string, api API) string {
	name := as
	if name == "" {
		name = event
		for _, b := range builtin {
			if b.event == event {
				name = b.conversion
				break
			}
		}
	}
	if api == Offline && name != other && !slices.Contains(meta.StandardEvents.Names, name) {
		return other
	}
	return name
}

// builtinEvents returns the Segment names of the built-in table.
func builtinEvents() []string {
	out := make([]string, len(builtin))
	for i, b := range builtin {
		out[i] = b.event
	}
	return out
}

// nearMiss returns the name among candidates that name was probably meant to
// be, or "". Different tenses and words are different events: only case,
// spacing and a slip or two count.
func nearMiss(name string, candidates []string) string {
	for _, c := range candidates {
		if c != name && foldName(c) == foldName(name) {
			return c
		}
	}
	return strictyaml.Suggest(name, candidates)
}

func foldName(s string) string {
	var plain [48]byte // in it almost all names fit: they are ASCII, and short
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf || n == len(plain):
			return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "", ".", "").Replace(s))
		case c == ' ' || c == '_' || c == '-' || c == '.':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		plain[n] = c
		n++
	}
	if string(plain[:n]) == s {
		return s
	}
	return string(plain[:n])
}
