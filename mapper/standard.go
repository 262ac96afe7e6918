package mapper

import (
	"strings"

	"relay/mapper/event"
)

// shape is the type Meta expects a standard field of custom_data to have.
type shape uint8

const (
	anyShape shape = iota
	textShape
	numberShape
	wholeShape
	listShape
	objectShape
	deliveryShape // in_store, curbside or home_delivery; a Purchase's only
	reservedShape // set by the rules of docs/contract.md 5.1, never from a leftover
)

// standardFields are Meta's names in custom_data (docs/meta.md 4.2, and the
// table at developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/custom-data).
// A leftover property only passes under one of them in its type.
var standardFields = func() map[string]shape {
	out := map[string]shape{}
	for shape, names := range map[shape]string{
		reservedShape: "value currency contents content_ids content_type",
		textShape: `content_name content_category search_string status
			availability body_style checkin_date checkout_date condition_of_vehicle departing_arrival_date
			departing_departure_date destination_airport dma_code drivetrain exterior_color fuel_type interior_color
			lead_event_source lease_end_date lease_start_date listing_type make model neighborhood origin_airport
			preferred_neighborhoods property_type region returning_arrival_date returning_departure_date
			state_of_vehicle transmission travel_class travel_end travel_start trim vehicle_type vin`,
		numberShape: "predicted_ltv net_revenue price hotel_score",
		wholeShape:  "num_items num_adults num_children num_infants num_nights preferred_num_stops year",
		listShape: `destination_ids vehicle_ids preferred_price_range suggested_destinations suggested_home_listings
			suggested_hotels suggested_jobs suggested_local_service_businesses suggested_location_based_items suggested_vehicles`,
		objectShape:   "mileage",
		deliveryShape: "delivery_category",
	} {
		for name := range strings.FieldsSeq(names) {
			out[name] = shape
		}
	}
	return out
}()

// fits says whether a value has the type that Meta expects.
func (want shape) fits(n *event.Node, conversion string) bool {
	switch want {
	case anyShape:
		return true
	case textShape:
		return n.Kind == event.Text
	case numberShape:
		return n.Kind == event.Number
	case wholeShape:
		if n.Kind != event.Number {
			return false
		}
		text, ok := event.Decimal(n.Text)
		return ok && !strings.Contains(text, ".")
	case listShape:
		return n.Kind == event.List
	case objectShape:
		return n.Kind == event.Object
	case deliveryShape:
		return n.Kind == event.Text && conversion == purchase &&
			(n.Text == "in_store" || n.Text == "curbside" || n.Text == "home_delivery")
	}
	return false
}

// expected is the type in words.
func (want shape) expected() string {
	switch want {
	case textShape:
		return "text"
	case numberShape:
		return "a number"
	case wholeShape:
		return "a whole number"
	case listShape:
		return "a list"
	case objectShape:
		return "an object"
	case deliveryShape:
		return "in_store, curbside or home_delivery, on a Purchase"
	}
	return "set by relay itself"
}
