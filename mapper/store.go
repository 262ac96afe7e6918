package mapper

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"relay/internal/meta"
	"relay/mapper/event"
)

// The members of store_data (docs/meta.md 2.7), in the order in which they
// are written.
const (
	storeCode = iota
	storePage
	storeBrandPage
	storeCount
)

// storeMembers are what they are called under store in the mapping, and at Meta.
var storeMembers = [storeCount]struct{ name, member string }{
	storeCode:      {"code", "store_code"},
	storePage:      {"page_id", "store_page_id"},
	storeBrandPage: {"brand_page_id", "brand_page_id"},
}

// findStore settles store_data: each member from the mapping's store, else from
// properties.store_data, which is no property of custom_data then.
func (s *subject) findStore() {
	own := s.props.Get("store_data").Object()
	for i := range storeCount {
		var src *source
		var n *event.Node
		if n, src = s.firstOf(s.m.store[i]); n == nil {
			n = own.Get(storeMembers[i].member)
		}
		if !own.Get(storeMembers[i].member).Absent() {
			own.Mark |= markConsumed
		}
		if n.Blank() {
			continue
		}
		at, line := "properties.store_data."+storeMembers[i].member, 0
		if src != nil {
			at, line = src.label(), src.line
		}
		text, ok := textID(n)
		code, why := noteBadMember, ""
		switch {
		case i == storeCode && (!ok || utf8.RuneCountInString(text) > meta.StoreCodeLength):
			why = "a store's code is text of at most 64 characters; left out"
		case s.whyClear(text) != "":
			code, why = NotePersonal, s.whyClear(text)
		case i == storeCode:
			s.store[i] = event.Quote(text)
			s.storeName = text
		default:
			if s.store[i] = pageID(text); s.store[i] == "" {
				why = "a page's id is a whole number above zero; left out"
			}
		}
		if why != "" {
			s.notes.add(code, at, storeMembers[i].member+": "+why)
			continue
		}
		if s.x != nil {
			s.x.field("store_data."+storeMembers[i].member, at, line, n, nil, s.store[i])
		}
	}
}

// pageID is the id of a page as JSON, "" when the text is none.
func pageID(text string) string {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 || id > 1<<63-1 {
		return ""
	}
	return strconv.FormatUint(id, 10)
}

// encodeStore writes store_data.
func (s *subject) encodeStore(o *object) {
	if s.store == [storeCount]string{} {
		return
	}
	o.key("store_data")
	o.open()
	for i, value := range s.store {
		if value != "" {
			o.raw(storeMembers[i].member, value)
		}
	}
	o.close()
}

// uploadTag is the mapping's or an event's upload_tag: text in which {store} is
// the store's code and {date} the day of event_time, in the mapping's time zone.
// It holds nothing else of an event: each other tag is another request.
type uploadTag string

// noStore stands for {store} in events that name none.
const noStore = "none"

// The places of a template.
var tagPlaces = []string{"{store}", "{date}"}

// of is the tag of the event at hand.
func (t uploadTag) of(s *subject) string {
	text := string(t)
	if !strings.Contains(text, "{") {
		return text
	}
	store := s.storeName
	if store == "" {
		store = noStore
	}
	return strings.NewReplacer("{store}", store, "{date}", s.when.In(s.m.times.Loc).Format("2006-01-02")).Replace(text)
}
