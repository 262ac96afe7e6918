package rows

import (
	"fmt"
	"slices"
	"strings"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/relay/internal/track"
)

// saleFinder finds the id of a sale in JSON: at a path of the event, or in a property of that
// name.
type saleFinder struct {
	name string
	path event.Path
	in   *event.Decoder
}

// saleFinder returns nil if events are identified only by their messageId.
func (o *Options) saleFinder() (*saleFinder, error) {
	if o.ID == "" {
		return nil, nil
	}
	s := &saleFinder{name: strings.TrimSpace(o.ID), in: event.NewDecoder()}
	text := s.name
	if root, _, _ := strings.Cut(text, "."); !slices.Contains(pathRoots, root) {
		text = "properties." + text
	}
	path, err := event.ParsePath(text)
	if err != nil || path.Many { // the name is not a path
		path, err = event.ParsePath("properties[" + quoteName(s.name) + "]")
	}
	if err != nil {
		return nil, fmt.Errorf("id %q: %w", s.name, err)
	}
	s.path = path
	return s, nil
}

// quoteName quotes a name for a path, with quotes that it does not contain.
func quoteName(name string) string {
	if strings.Contains(name, `"`) {
		return "'" + name + "'"
	}
	return `"` + name + `"`
}

// find sets the sale id of a row.
func (s *saleFinder) find(r *Row) {
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
	switch r.SaleID = strings.TrimSpace(text); {
	case r.SaleID == "":
		r.Bad = &track.Problem{Code: "missing_id", Message: fmt.Sprintf("%q, which identifies sales, is missing or empty", s.name)}
	case fold.LostDigits(r.SaleID):
		r.Bad = shortened(s.name)
	}
}
