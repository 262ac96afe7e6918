package meta

import (
	"slices"
	"strings"
)

// Field is a parameter of an event: a member of custom_data or of the event itself (docs/meta.md
// 2.2, 2.4, 4.2).
type Field struct {
	Name    string
	Shape   Shape
	Writer  Writer // custom_data only: what part of an event becomes this field
	Formats Formats
	Rule    string
	Fact
}

// Shape is the JSON type that Meta expects.
type Shape uint8

// The shapes.
const (
	AnyShape Shape = iota
	TextShape
	NumberShape
	WholeShape // a number without a fraction
	BoolShape
	ListShape
	ObjectShape
	DeliveryShape // one of Deliveries; only on a Purchase
)

// Writer is the part of an event that becomes a member of custom_data.
type Writer uint8

// The writers.
const (
	Leftover Writer = iota // a property that nothing else used
	Rules                  // made by the rules of docs/contract.md 5.1, never from a leftover property
	Order                  // the event's order
)

// Formats are the wire formats that have a field.
type Formats uint8

// The formats.
const (
	InConversions Formats = 1 << iota
	InOffline
	InBoth = InConversions | InOffline
)

// customData are Meta's names in custom_data of the Conversions API; other names are free.
var customData = []Field{
	{"value", NumberShape, Rules, InConversions, "required for Purchase; money amount, 0 or more. Legacy: at the event, > 0. Node drops what does not parse, keeps 0", Fact{"M: CDT, OMN; C: ND", "2026-09-12"}},
	{"currency", TextShape, Rules, InConversions, "ISO 4217; required for Purchase, and with `value`. Legacy: at the event", Fact{"M: CDT", "2026-09-12"}},
	{"content_ids", ListShape, Rules, InConversions, "product ids. Legacy: at the event", Fact{"M: CDT", "2026-09-12"}},
	{"contents", ListShape, Rules, InConversions, "objects; documented members `id`, `quantity`, `item_price`, `delivery_category`; SDKs add `title`, `description`, `brand`, `category`. Legacy: at the event, the price is called **`price`** there", Fact{"M: CDT; C: PY, ND", "2026-09-12"}},
	{"content_type", TextShape, Rules, InConversions, "`product` or `product_group`. Legacy: at the event, may be a list", Fact{"M: CDT", "2026-09-12"}},
	{"order_id", TextShape, Order, InConversions, "dedup key for offline; 2.7. Legacy: at the event", Fact{"M: CDT, OFF", "2026-09-12"}},
	{"item_number", TextShape, Order, InConversions, "offline only; 2.7. Legacy: at the event", Fact{"M: CDT", "2026-09-12"}},
	{"content_name", TextShape, Leftover, InConversions, "no longer in CDT's table", Fact{"C: PY", "2026-11-26"}},
	{"content_category", TextShape, Leftover, InConversions, "no longer in CDT's table", Fact{"C: PY", "2026-11-26"}},
	{"search_string", TextShape, Leftover, InConversions, "Search only", Fact{"M: CDT", "2026-09-12"}},
	{"status", TextShape, Leftover, InConversions, "", Fact{"C: PY", "2026-11-26"}},
	{"num_items", WholeShape, Leftover, InConversions, "InitiateCheckout only", Fact{"M: CDT", "2026-09-12"}},
	{"predicted_ltv", NumberShape, Leftover, InConversions, "", Fact{"M: CDT", "2026-09-12"}},
	{"net_revenue", NumberShape, Leftover, InConversions, "margin", Fact{"M: CDT", "2026-09-12"}},
	{"delivery_category", DeliveryShape, Leftover, InConversions, "`in_store`, `curbside`, `home_delivery`; Purchase only", Fact{"M: CDT", "2026-09-12"}},
	{"lead_event_source", TextShape, Leftover, InConversions, "4.3", Fact{"M: CDT, CRM", "2026-09-12"}},
	travel("availability", TextShape),
	travel("body_style", TextShape),
	travel("checkin_date", TextShape),
	travel("checkout_date", TextShape),
	travel("condition_of_vehicle", TextShape),
	travel("departing_arrival_date", TextShape),
	travel("departing_departure_date", TextShape),
	travel("destination_airport", TextShape),
	travel("dma_code", TextShape),
	travel("drivetrain", TextShape),
	travel("exterior_color", TextShape),
	travel("fuel_type", TextShape),
	travel("interior_color", TextShape),
	travel("lease_end_date", TextShape),
	travel("lease_start_date", TextShape),
	travel("listing_type", TextShape),
	travel("make", TextShape),
	travel("model", TextShape),
	travel("neighborhood", TextShape),
	travel("origin_airport", TextShape),
	travel("preferred_neighborhoods", TextShape),
	travel("property_type", TextShape),
	travel("region", TextShape),
	travel("returning_arrival_date", TextShape),
	travel("returning_departure_date", TextShape),
	travel("state_of_vehicle", TextShape),
	travel("transmission", TextShape),
	travel("travel_class", TextShape),
	travel("travel_end", TextShape),
	travel("travel_start", TextShape),
	travel("trim", TextShape),
	travel("vehicle_type", TextShape),
	travel("vin", TextShape),
	travel("price", NumberShape),
	travel("hotel_score", NumberShape),
	travel("num_adults", WholeShape),
	travel("num_children", WholeShape),
	travel("num_infants", WholeShape),
	travel("num_nights", WholeShape),
	travel("preferred_num_stops", WholeShape),
	travel("year", WholeShape),
	travel("destination_ids", ListShape),
	travel("vehicle_ids", ListShape),
	travel("preferred_price_range", ListShape),
	travel("suggested_destinations", ListShape),
	travel("suggested_home_listings", ListShape),
	travel("suggested_hotels", ListShape),
	travel("suggested_jobs", ListShape),
	travel("suggested_local_service_businesses", ListShape),
	travel("suggested_location_based_items", ListShape),
	travel("suggested_vehicles", ListShape),
	travel("mileage", ObjectShape),
}

// travel returns a field of Meta's ads for travel, vehicles and homes.
func travel(name string, shape Shape) Field {
	return Field{Name: name, Shape: shape, Formats: InConversions, Fact: Fact{"M: CDT", "2026-09-12"}}
}

// CustomData returns Meta's names in custom_data.
func CustomData() []Field { return slices.Clone(customData) }

// members are the parameters of an event, without its customer's.
var members = []Field{
	{"event_name", TextShape, 0, InBoth, "required; standard or custom name; dedup key. Legacy: one of the 17 standard names or `Other`", Fact{"M: EVT; C: UPL", "2026-09-12"}},
	{"event_time", WholeShape, 0, InBoth, "required; Unix **seconds**, GMT; not older than 7 days (62 days wording for stores, see 5.2). Meta's legacy client refuses future times and anything older than 730 days", Fact{"M: EVT, USE; C: UPL (`unix_time`, `rejectTimeBefore` 63,072,000,000 ms)", "2026-09-12"}},
	{"action_source", TextShape, 0, InBoth, "required, one of the words below; added late to the legacy tool", Fact{"M: EVT; C: UPL", "2026-09-12"}},
	{"user_data", ObjectShape, 0, InConversions, "required; at least one valid key; weak combinations rejected (3.4)", Fact{"M: EVT, CUS, BST", "2026-09-12"}},
	{"match_keys", ObjectShape, 0, InOffline, "required; at least one valid key, section 3", Fact{"C: UPL schema; T: SEED", "2026-11-26"}},
	{"custom_data", ObjectShape, 0, InBoth, "section 4. Legacy: free keys, string or number", Fact{"M: EVT; C: UPL", "2026-09-12"}},
	{"event_id", TextShape, 0, InConversions, "recommended; any unique string; no format or length stated", Fact{"M: EVT", "2026-09-12"}},
	{"event_source_url", TextShape, 0, InBoth, "website only. Legacy: only seen in RudderStack", Fact{"M: EVT, BST; T: RS", "2026-09-12"}},
	{"referrer_url", TextShape, 0, InConversions, "HTTP referrer of the page", Fact{"M: EVT", "2026-09-12"}},
	{"opt_out", BoolShape, 0, InConversions, "true = attribution only, no delivery optimisation", Fact{"M: EVT", "2026-09-12"}},
	{"data_processing_options", ListShape, 0, InBoth, "`[\"LDU\"]`, `[]`, or absent. Meta's legacy client only knew country 1, state 1000", Fact{"M: EVT, DPO; C: UPL", "2026-09-12"}},
	{"data_processing_options_country", WholeShape, 0, InBoth, "with LDU: 1 = USA, 0 = Meta geolocates", Fact{"M: EVT, DPO", "2026-09-12"}},
	{"data_processing_options_state", WholeShape, 0, InBoth, "with LDU when no IP, or when country set; 8.3", Fact{"M: EVT, DPO", "2026-09-12"}},
	{"app_data", ObjectShape, 0, InConversions, "app only; with `extinfo`, 16 positions", Fact{"M: EVT", "2026-09-12"}},
	{"original_event_data", ObjectShape, 0, InConversions, "ties a late event to an earlier one; members below", Fact{"M: EVT; https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/original-event", "2026-09-12"}},
	{"attribution_data", ObjectShape, 0, InConversions, "beta; only for event name `AppendAttribution`, at most 48 h after the original event; members 2.5", Fact{"C: PY, ND; M: APA", "2026-09-12"}},
	{"customer_segmentation", TextShape, 0, InConversions, "one of the words below; table says event level, Meta's own example puts it inside `custom_data`; no SDK has it at either place (C: PY, ND, PHP)", Fact{"M: EVT", "2026-09-12"}},
	{"messaging_channel", TextShape, 0, InConversions, "messaging only", Fact{"C: PY", "2026-11-26"}},
	{"advanced_measurement_table", TextShape, 0, InConversions, "SDK only", Fact{"C: PY", "2026-11-26"}},
	{"store_data", ObjectShape, 0, InConversions, "members below; `store_code` has 64 characters, alphanumeric; listed with the offline fields, nesting level not stated (M: OFF); **event level** in Meta's newest client (C: WOO): 2.7", Fact{"M: OFF; C: WOO", "2026-09-16"}},
	{"order_id", TextShape, 0, InBoth, "**event level in Meta's newest client, custom_data everywhere else: contradiction, 2.7**. Legacy: event level, recommended, needed when `item_number` is sent", Fact{"C: WOO, UPL README; M: CDT, OFF, E2E", "2026-09-16"}},
	{"item_number", TextShape, 0, InBoth, "tells apart events of one order; place as `order_id`", Fact{"C: UPL; M: CDT, OFF", "2026-09-12"}},
	{"advertiser_tracking_enabled", BoolShape, 0, InConversions, "app only; event level in the Node SDK", Fact{"C: ND", "2026-11-26"}},
	{"value", NumberShape, 0, InOffline, "with Purchase; whenever `currency` is there; must be > 0 in Meta's client", Fact{"C: UPL README + schema", "2026-11-26"}},
	{"currency", TextShape, 0, InOffline, "ISO 4217; with Purchase; whenever `value` is there; Meta's client knew only 50 codes", Fact{"C: UPL", "2026-11-26"}},
	{"content_type", AnyShape, 0, InOffline, "string or list; product, product_group, vehicle, hotel, … (21 names)", Fact{"C: UPL", "2026-11-26"}},
	{"content_ids", ListShape, 0, InOffline, "strings, not empty", Fact{"C: UPL; T: SEED", "2026-11-26"}},
	{"contents", ListShape, 0, InOffline, "objects; `id` required if any other member; `quantity` > 0, `price` > 0, `brand`, `category`, `title`, `description`", Fact{"C: UPL; M: OFF (id, quantity required; price, brand, category recommended)", "2026-09-12"}},
}

// Members returns the parameters of an event in a format.
func Members(of Formats) (out []Field) {
	for _, f := range members {
		if f.Formats&of != 0 {
			out = append(out, f)
		}
	}
	return out
}

// Words is a list of values or names that Meta knows.
type Words struct {
	What  string
	Names []string
	Fact
}

// The lists.
var (
	ActionSources = Words{
		"values of `action_source`",
		[]string{"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging", "other"},
		Fact{"M: EVT", "2026-09-12"},
	}
	Segmentations = Words{
		"values of `customer_segmentation`",
		[]string{
			"customer_in_loyalty_program",
			"new_customer_to_business", "new_customer_to_business_line", "new_customer_to_product_area", "new_customer_to_medium",
			"existing_customer_to_business", "existing_customer_to_business_line", "existing_customer_to_product_area", "existing_customer_to_medium",
		},
		Fact{"M: EVT", "2026-09-12"},
	}
	OriginalEvent = Words{
		"members of `original_event_data`",
		[]string{"event_name", "event_time", "order_id", "event_id"},
		Fact{"M: EVT", "2026-09-12"},
	}
	StoreData = Words{
		"members of `store_data`",
		[]string{"store_code", "store_page_id", "brand_page_id"},
		Fact{"M: OFF; C: WOO", "2026-09-16"},
	}
	Deliveries = Words{
		"values of `delivery_category`",
		[]string{"in_store", "curbside", "home_delivery"},
		Fact{"M: CDT", "2026-09-12"},
	}
	ContentTypes = Words{
		"values of `content_type`",
		[]string{"product", "product_group"},
		Fact{"M: CDT", "2026-09-12"},
	}
	ItemFields = Words{
		"members of an item of `contents`, beside the price",
		[]string{"id", "quantity", "title", "description", "category", "brand", "delivery_category"},
		Fact{"M: CDT; C: PY, ND", "2026-09-12"},
	}
	// StandardEvents are the same in both formats; the offline format has Other for everything
	// else.
	StandardEvents = Words{
		"standard names of events",
		[]string{
			"AddPaymentInfo", "AddToCart", "AddToWishlist", "CompleteRegistration", "Contact", "CustomizeProduct", "Donate",
			"FindLocation", "InitiateCheckout", "Lead", "Purchase", "Schedule", "Search", "StartTrial", "SubmitApplication",
			"Subscribe", "ViewContent",
		},
		Fact{"M: EVT; C: UPL; T: RS", "2026-09-12"},
	}
	RequestFields = Words{
		"parameters of a request, both formats",
		[]string{
			"data", "access_token", "appsecret_proof", "appsecret_time", "test_event_code", "partner_agent", "upload_tag", "upload_id",
			"upload_source", "namespace_id", "progress", "start_inclusive", "end_exclusive", "platforms", "trace", "suppress_http_code",
		},
		Fact{"M: USE, REF; C: PY, ND, UPL", "2026-09-12"},
	}
	Permissions = Words{
		"permissions that Meta's texts name",
		[]string{"ads_management", "business_management", "ads_read", "pages_read_engagement"},
		Fact{"M: E2E", "2026-09-12"},
	}
)

// AllWords returns every list.
func AllWords() []Words { return slices.Clone(allWords) }

var allWords = []Words{ActionSources, Segmentations, OriginalEvent, StoreData, Deliveries, ContentTypes, ItemFields, StandardEvents, RequestFields, Permissions}

// String describes a field of this shape.
func (s Shape) String() string {
	switch s {
	case TextShape:
		return "text"
	case NumberShape:
		return "a number"
	case WholeShape:
		return "a whole number"
	case BoolShape:
		return "true or false"
	case ListShape:
		return "a list"
	case ObjectShape:
		return "an object"
	case DeliveryShape:
		last := len(Deliveries.Names) - 1
		return strings.Join(Deliveries.Names[:last], ", ") + " or " + Deliveries.Names[last] + ", on a Purchase"
	}
	return "anything"
}
