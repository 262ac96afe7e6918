package rules

import (
	"strconv"
	"strings"
)

// Members are the sources for members of Meta's server event outside user_data and custom_data
// (docs/meta.md 2.2, 2.5), for all events or for one.
type Members struct {
	ActionSource []Source
	OptOut       []Source
	Segmentation []Source
	Referrer     []Source
	PageURL      []Source
	Original     [OriginalCount][]Source
}

// Members of original_event_data, as indexes of meta.OriginalEvent and in the order in which
// they are written.
const (
	OriginalName = iota
	OriginalTime
	originalOrder
	originalEventID
	OriginalCount
)

// Members of store_data (docs/meta.md 2.7), in the order in which they are written.
const (
	StoreCode = iota
	storePage
	storeBrandPage
	StoreCount
)

// StoreMembers are their names under `store` in the mapping and in Meta's format.
var StoreMembers = [StoreCount]struct{ Name, Member string }{
	StoreCode:      {"code", "store_code"},
	storePage:      {"page_id", "store_page_id"},
	storeBrandPage: {"brand_page_id", "brand_page_id"},
}

// PageID returns the id of a page as JSON, or "" if the text is not one.
func PageID(text string) string {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || id > 1<<63-1 {
		return ""
	}
	return strconv.FormatUint(id, 10)
}

// UploadTag is the upload_tag of the mapping or of an event. {store} is replaced by the store's
// code and {date} by the day of event_time in the mapping's time zone. No other placeholders
// are allowed, because each distinct tag needs a request of its own.
type UploadTag string

// tagPlaceholders are the placeholders of a tag.
var tagPlaceholders = []string{"{store}", "{date}"}

// maxURL is the longest address, in bytes, that browsers and servers generally accept.
const maxURL = 2048

// IsWebAddress reports whether text is the address of a web page.
func IsWebAddress(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	return (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) && rest != "" && len(text) <= maxURL && !strings.ContainsAny(text, " \t\r\n")
}
