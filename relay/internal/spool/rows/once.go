package rows

import (
	"fmt"
	"slices"
	"strings"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/relay/internal/track"
)

// saleOf finds what tells a sale of JSON from others: at a path of the event, or a
// property of that name.
type saleOf struct {
	name string
	path event.Path
	in   *event.Decoder
}

// saleOf is nil where nothing but its messageId tells an event from others.
func (o *Options) saleOf() (*saleOf, error) {
	if o.ID == "" {
		return nil, nil
	}
	s := &saleOf{name: strings.TrimSpace(o.ID), in: event.NewDecoder()}
	text := s.name
	if root, _, _ := strings.Cut(text, "."); !slices.Contains(roots, root) {
		text = "properties." + text
	}
	path, err := event.ParsePath(text)
	if err != nil || path.Many { // a name that is no path
		path, err = event.ParsePath("properties[" + quoteName(s.name) + "]")
	}
	if err != nil {
		return nil, fmt.Errorf("id %q: %w", s.name, err)
	}
	s.path = path
	return s, nil
}

// quoteName is a name in the quotes of a path that it has none of.
func quoteName(name string) string {
	if strings.Contains(name, `"`) {
		return "'" + name + "'"
	}
	return `"` + name + `"`
}

// find takes up what tells the event of a row from others.
func (s *saleOf) find(r *Row) {
	if s == nil || r.Bad != nil || !r.Msg.Track {
		return
	}
	defer s.in.Release()
	t, err := s.in.Decode(r.Msg.Body)
	if err != nil {
		r.Bad = &track.Problem{Code: "invalid_json", Message: err.Error()}
		return
	}
	n := t.Root.Get("properties").Get(s.name)
	if n.Blank() {
		n = s.path.One(&t.Root)
	}
	text, _ := n.ScalarText()
	switch r.Once = strings.TrimSpace(text); {
	case r.Once == "":
		r.Bad = &track.Problem{Code: "missing_id", Message: fmt.Sprintf("nothing stands at %q, by which sales are told apart", s.name)}
	case fold.LostDigits(r.Once):
		r.Bad = shortened(s.name)
	}
}
