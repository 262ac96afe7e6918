package ingest

import "math"

// Split takes a request body apart as the handler does: the messages of a
// batch, what the batch says for all merged into each. ok is false when body
// is a JSON value without a list called batch; it then is a message itself.
func Split(body []byte) (messages [][]byte, ok bool, err error) {
	var d decoder
	if err := d.batch(body, math.MaxInt); err != nil {
		return nil, false, err
	}
	if !d.env.hasBatch || d.env.badBatch {
		return nil, false, nil
	}
	var g merger
	g.begin(&d)
	for k := range d.env.messages {
		m := &d.env.messages[k]
		raw := body[m.whole.from:m.whole.to]
		if m.object && g.needed(m) {
			raw = g.splice(nil, m, "")
		}
		messages = append(messages, raw)
	}
	return messages, true, nil
}
