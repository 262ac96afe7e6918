package rules

import (
	"strconv"
	"strings"
)

// Members are the sources of members of Meta's server event that stand beside
// user_data and custom_data (docs/meta.md 2.2, 2.5), for all events or for one.
type Members struct {
	ActionSource []Source
	OptOut       []Source
	Segmentation []Source
	Referrer     []Source
	PageURL      []Source
	Original     [OriginalCount][]Source
}

// The members of original_event_data, at their places in meta.OriginalEvent, in the order
// in which they are written.
const (
	OriginalName = iota
	OriginalTime
	originalOrder
	originalEventID
	OriginalCount
)

// The members of store_data (docs/meta.md 2.7), in the order in which they
// are written.
const (
	StoreCode = iota
	storePage
	storeBrandPage
	StoreCount
)

// StoreMembers are what they are called under store in the mapping, and at Meta.
var StoreMembers = [StoreCount]struct{ Name, Member string }{
	StoreCode:      {"code", "store_code"},
	storePage:      {"page_id", "store_page_id"},
	storeBrandPage: {"brand_page_id", "brand_page_id"},
}

// PageID is the id of a page as JSON, "" when the text is none.
func PageID(text string) string {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || id > 1<<63-1 {
		return ""
	}
	return strconv.FormatUint(id, 10)
}

// UploadTag is the mapping's or an event's upload_tag: text in which {store} is
// the store's code and {date} the day of event_time, in the mapping's time zone.
// It holds nothing else of an event: each other tag is another request.
type UploadTag string

// The places of a template.
var tagPlaces = []string{"{store}", "{date}"}

// maxURL is as much of an address as browsers and servers agree on.
const maxURL = 2048

// IsWebAddress says whether text is an address of a page.
func IsWebAddress(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	return (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) && rest != "" && len(text) <= maxURL && !strings.ContainsAny(text, " \t\r\n")
}
