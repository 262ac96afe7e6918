package admin

import (
	"bytes"
	"net/http"
	"slices"

	"relay/queue"
	"relay/relay/internal/admin/records"
	"relay/relay/internal/api"
	"relay/relay/internal/receipts"
	"relay/relay/internal/track"
)

// getReceipts lists the sales with an order id or a messageId: receipts, newest first, then
// dead letters and waiting events.
func (s *Server) getReceipts(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	if id == "" {
		s.fail(w, badf("id: expected an order id or a messageId"))
		return
	}
	var found []receipts.Receipt
	var err error
	if s.o.Receipts != nil {
		if found, err = s.o.Receipts(id); err != nil {
			s.fail(w, err)
			return
		}
	}
	out := newLines(w)
	for i := range found {
		x := &found[i]
		if !out.write(api.Sale{
			State: api.SaleDelivered, MessageID: x.MessageID, OrderID: x.OrderID, Event: x.Event,
			EventSets: []string{x.EventSet}, ReceivedAt: x.ReceivedAt, Receipt: x,
		}) {
			return
		}
	}
	match := orderFinder(id)
	err = records.EachLetter(s.o.Queue, api.DeadFilter{}, func(d queue.DeadLetter) bool {
		order, ok := match(d.MessageID, d.Body)
		if !ok {
			return r.Context().Err() == nil
		}
		dead := records.Letter(d)
		sale := api.Sale{State: api.SaleDead, MessageID: d.MessageID, OrderID: order, Event: d.Event, EventSets: []string{}, ReceivedAt: d.ReceivedAt, Dead: &dead}
		if d.EventSet != "" {
			sale.EventSets = append(sale.EventSets, d.EventSet)
		}
		return out.write(sale)
	})
	if err == nil {
		err = s.eachWaiting(func(sets []string, rec queue.Record) bool {
			order, ok := match(rec.ID, rec.Body)
			if !ok {
				return r.Context().Err() == nil
			}
			return out.write(api.Sale{State: api.SaleWaiting, MessageID: rec.ID, OrderID: order, Event: track.Name(rec.Body), EventSets: sets, ReceivedAt: rec.Received})
		})
	}
	if err != nil {
		out.abort(s, err)
	}
}

// eachWaiting calls fn for every waiting record, with the lanes it is waiting for.
func (s *Server) eachWaiting(fn func(sets []string, r queue.Record) bool) error {
	return records.EachWaiting(s.o.Queue, api.QueueFilter{}, func(r queue.Record) bool {
		sets := []string{}
		for _, l := range r.Lanes {
			if s.o.Queue.IsPending(l, r.Seq) {
				sets = append(sets, l)
			}
		}
		slices.Sort(sets)
		return fn(sets, r)
	})
}

// orderFinder returns a function that reports whether an event has id as its messageId or
// order id, and returns its order id.
func orderFinder(id string) func(messageID string, body []byte) (order string, ok bool) {
	// Fast path: most events do not contain the text. In JSON it can be escaped, but only
	// with a backslash.
	raw := []byte(id)
	return func(messageID string, body []byte) (string, bool) {
		if messageID != id && !bytes.Contains(body, raw) && bytes.IndexByte(body, '\\') < 0 {
			return "", false
		}
		order := track.OrderID(body)
		return order, messageID == id || order == id
	}
}
