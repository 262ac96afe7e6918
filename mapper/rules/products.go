package rules

import "relay/mapper/event"

// Goods holds `products`: the places of the products in an event, and of the catalogue id in
// each product. They are tried in order.
type Goods struct {
	In, ID []event.Path
	Line   int // line in the mapping; 0: built in
}

// ItemField is an optional member of an item of contents, sent only if `contents` in the
// mapping lists it (docs/meta.md 2.5).
type ItemField int

// The members that `contents` accepts.
const (
	ItemTitle ItemField = iota
	itemDescription
	itemCategory
	itemBrand
	ItemCount
)

// ItemFieldNames are their names.
var ItemFieldNames = [ItemCount]string{"title", "description", "category", "brand"}
