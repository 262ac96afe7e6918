package mapper

import (
	"bytes"
	"strconv"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/rules"
)

// conversion is one element of data before it is encoded in one of the two formats.
type conversion struct {
	api                 meta.API
	name                string
	value, currency     string
	orderID, itemNumber string
	valueSource         string      // source of the value, even if it was not usable
	consumed            *event.Node // the property used for the value
	custom              []byte      // members of custom_data for the remaining properties
	stage               bool        // a lead stage in a CRM
	eventMembers
}

// Encoding is the version of the encoders. The bytes of a conversion depend on the event, the
// mapping and Encoding. A caller that must repeat the same bytes stores Encoding, to be able
// to explain a difference. Every change to this package that changes the bytes of an event must
// increase it.
const Encoding = 6

// encode writes a conversion in its format. Members are always in the same order, so the same
// event gives the same bytes.
func (s *subject) encode(c *conversion) []byte {
	o := object{out: s.written[:0]}
	if c.api == meta.Offline {
		s.encodeOffline(&o, c)
	} else {
		s.encodeConversions(&o, c)
	}
	s.written = o.out
	return bytes.Clone(o.out) // an exact copy, because many are kept in batches
}

// encodeConversions writes an event of the Conversions API (docs/meta.md 2.2).
func (s *subject) encodeConversions(o *object, c *conversion) {
	o.open()
	o.text("event_name", c.name)
	o.key("event_time")
	o.out = strconv.AppendInt(o.out, s.when.Unix(), 10)
	if s.eventID != "" {
		o.text("event_id", s.eventID)
	}
	if s.m.rules.OrderIDAt != rules.AtCustom {
		c.encodeOrder(o)
	}
	o.text("action_source", c.actionSource)
	c.encodeMembers(o)
	s.encodeStore(o)
	o.key("user_data")
	o.open()
	for k := range match.Count {
		values := s.sentValues(k, c)
		if len(values) == 0 {
			continue
		}
		switch row := &match.Table[k]; {
		case row.Form == meta.LeadID:
			o.raw(row.Conversions, values[0].Form)
		case row.Hash == meta.Unhashed:
			o.text(row.Conversions, values[0].Form)
		default:
			o.key(row.Conversions)
			o.hashes(values)
		}
	}
	s.encodeIdentifiers(o, c)
	o.close()
	order := s.m.rules.OrderIDAt != rules.AtEvent && (c.orderID != "" || c.itemNumber != "")
	if c.value != "" || c.currency != "" || len(s.goods.ids) > 0 || order || len(c.custom) > 0 {
		o.key("custom_data")
		o.open()
		s.encodeCommerce(o, c)
		if order {
			c.encodeOrder(o)
		}
		o.members(c.custom)
		o.close()
	}
	if s.processing != nil {
		o.comma()
		o.out = s.processing.append(o.out)
	}
	o.close()
}

// encodeOffline writes an event of the Offline Conversions API (docs/meta.md 2.4): money and
// products are next to match_keys, custom_data has the rest.
func (s *subject) encodeOffline(o *object, c *conversion) {
	o.open()
	o.key("match_keys")
	o.open()
	for k := range match.Count {
		if values := s.sentValues(k, c); len(values) > 0 {
			s.offlineKey(o, k, values)
		}
	}
	o.close()
	o.text("event_name", c.name)
	o.key("event_time")
	o.out = strconv.AppendInt(o.out, s.when.Unix(), 10)
	s.encodeCommerce(o, c)
	c.encodeOrder(o)
	if len(c.custom) > 0 {
		o.key("custom_data")
		o.open()
		o.members(c.custom)
		o.close()
	}
	if s.processing != nil {
		o.comma()
		o.out = s.processing.append(o.out)
	}
	o.close()
}

// offlineKey writes one match key: text, or a list of several values; the birth date as three
// keys; external_id unhashed, unless it reveals the customer.
func (s *subject) offlineKey(o *object, k match.Key, values []match.ValueSum) {
	row, first := &match.Table[k], &values[0]
	name := row.Offline[0]
	switch {
	case row.Form == meta.LeadID:
		o.raw(name, first.Form)
	case row.Hash == meta.Unhashed:
		o.text(name, first.Form)
	case row.Hash == meta.ByFormat:
		o.text(name, s.idToSend(first.Original, name, nil))
	case len(row.Offline) == 3: // year, month and day
		o.text(name, match.SHA256(first.Form[:4]))
		o.text(row.Offline[1], match.SHA256(first.Form[4:6]))
		o.text(row.Offline[2], match.SHA256(first.Form[6:8]))
	default:
		o.key(name)
		if len(values) == 1 {
			o.out = first.Sum.Append(o.out)
			return
		}
		o.hashes(values)
	}
}

// encodeCommerce writes money and products, which have the same names in both formats.
func (s *subject) encodeCommerce(o *object, c *conversion) {
	if c.value != "" {
		o.raw("value", c.value)
	}
	if c.currency != "" {
		o.text("currency", c.currency)
	}
	if len(s.goods.ids) > 0 {
		o.text("content_type", s.goods.kind)
		o.key("content_ids")
		o.out = s.goods.appendIDs(o.out)
	}
	if len(s.goods.contents) > 0 {
		o.key("contents")
		o.out = s.goods.appendContents(o.out, c.api, c.name)
	}
}

// encodeOrder writes order_id and item_number.
func (c *conversion) encodeOrder(o *object) {
	if c.orderID != "" {
		o.text("order_id", c.orderID)
	}
	if c.itemNumber != "" {
		o.text("item_number", c.itemNumber)
	}
}

// object writes JSON objects member by member.
type object struct{ out []byte }

func (o *object) open()  { o.out = append(o.out, '{') }
func (o *object) close() { o.out = append(o.out, '}') }

// comma writes a comma if a member precedes.
func (o *object) comma() {
	if last := o.out[len(o.out)-1]; last != '{' {
		o.out = append(o.out, ',')
	}
}

func (o *object) key(name string) {
	o.comma()
	o.out = append(o.out, '"')
	o.out = append(append(o.out, name...), '"', ':')
}

func (o *object) text(name, value string) {
	o.key(name)
	o.out = event.AppendText(o.out, value)
}

func (o *object) raw(name, value string) {
	o.key(name)
	o.out = append(o.out, value...)
}

// hashes writes a list of digests.
func (o *object) hashes(values []match.ValueSum) {
	o.out = append(o.out, '[')
	for i := range values {
		if i > 0 {
			o.out = append(o.out, ',')
		}
		o.out = values[i].Sum.Append(o.out)
	}
	o.out = append(o.out, ']')
}

// members appends members that are encoded already.
func (o *object) members(written []byte) {
	if len(written) > 0 {
		o.comma()
		o.out = append(o.out, written...)
	}
}
