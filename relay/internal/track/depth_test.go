package track

import (
	"strings"
	"testing"
	"time"

	"relay/mapper"
	"relay/mapper/event"
)

// Intake and the mapper refuse exactly the same depths.
func TestMaxDepth(t *testing.T) {
	m, _, err := mapper.Parse("mapping.yaml", []byte("version: 1\nevents: { A: '1' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for over := -1; over <= 2; over++ {
		lists := event.MaxDepth + over - 2 // the message and its properties are two
		body := `{"event":"A","userId":"u","properties":{"x":` + strings.Repeat("[", lists) + strings.Repeat("]", lists) + `}}`
		r := Reader{}
		msg, err := r.One([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		refused := msg.Problem == TooDeep
		out := m.Map(mapper.Event{Body: []byte(body), Received: now}, now)
		held := out[0].Kind == mapper.Hold && out[0].Reason == mapper.ReasonInvalid
		if refused != (over > 0) || held != refused {
			t.Errorf("%d levels: refused %t, held %t (%+v)", event.MaxDepth+over, refused, held, out[0])
		}
	}
}
