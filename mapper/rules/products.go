package rules

import "relay/mapper/event"

// Goods are the mapping's products: where the goods of an event are, and
// where in each of them its catalogue id is. Tried in order.
type Goods struct {
	In, ID []event.Path
	Line   int // of the mapping; 0: built in
}

// ItemField is a member of an item of contents beside id, quantity and price,
// which is sent only when the mapping's contents names it (docs/meta.md 2.5).
type ItemField int

// The members that contents may name.
const (
	ItemTitle ItemField = iota
	itemDescription
	itemCategory
	itemBrand
	ItemCount
)

// ItemFieldNames are what they are called.
var ItemFieldNames = [ItemCount]string{"title", "description", "category", "brand"}
