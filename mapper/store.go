package mapper

import (
	"strings"
	"unicode/utf8"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/rules"
)

// findStore sets store_data: each member from the mapping's store, else from
// properties.store_data, which is then not sent in custom_data.
func (s *subject) findStore() {
	own := s.props.Get("store_data").Object()
	for i := range rules.StoreCount {
		var src *rules.Source
		var n *event.Node
		if n, src = s.firstValue(s.m.rules.Store[i]); n == nil {
			n = own.Get(rules.StoreMembers[i].Member)
		}
		if !own.Get(rules.StoreMembers[i].Member).Absent() {
			own.Mark |= event.MarkConsumed
		}
		if n.Blank() {
			continue
		}
		at, line := "properties.store_data."+rules.StoreMembers[i].Member, 0
		if src != nil {
			at, line = src.Label(), src.Line
		}
		text, ok := n.IDText()
		code, why := noteBadMember, ""
		switch {
		case i == rules.StoreCode && (!ok || utf8.RuneCountInString(text) > meta.StoreCodeLength):
			why = "a store's code is text of at most 64 characters; left out"
		case s.filter.CheckUnhashed(text) != "":
			code, why = NotePersonal, s.filter.CheckUnhashed(text)
		case i == rules.StoreCode:
			s.store[i] = event.Quote(text)
			s.storeName = text
		default:
			if s.store[i] = rules.PageID(text); s.store[i] == "" {
				why = "a page id is a positive whole number; left out"
			}
		}
		if why != "" {
			s.notes.add(code, at, rules.StoreMembers[i].Member+": "+why)
			continue
		}
		if s.x != nil {
			s.x.field("store_data."+rules.StoreMembers[i].Member, at, line, n, nil, s.store[i])
		}
	}
}

// encodeStore writes store_data.
func (s *subject) encodeStore(o *object) {
	if s.store == [rules.StoreCount]string{} {
		return
	}
	o.key("store_data")
	o.open()
	for i, value := range s.store {
		if value != "" {
			o.raw(rules.StoreMembers[i].Member, value)
		}
	}
	o.close()
}

// noStore replaces {store} for events without a store.
const noStore = "none"

// uploadTag returns a tag with its placeholders replaced for the event.
func (s *subject) uploadTag(t rules.UploadTag) string {
	text := string(t)
	if !strings.Contains(text, "{") {
		return text
	}
	store := s.storeName
	if store == "" {
		store = noStore
	}
	return strings.NewReplacer("{store}", store, "{date}", s.when.In(s.m.rules.Times.Loc).Format("2006-01-02")).Replace(text)
}
