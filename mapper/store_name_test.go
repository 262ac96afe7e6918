package mapper

import (
	"strings"
	"testing"
)

// store.name is the store whose relay forwarded the event, whatever the event says, and
// nothing where none did.
func TestStoreName(t *testing.T) {
	m := parseForKeys(t, `store: { code: [store.name, properties.store] }
custom_data: { set: { shop: store.name } }
`)
	body := `{"event":"E","userId":"u","store":{"name":"said"},"properties":{"store":"from-event"}}`
	for store, want := range map[string][]string{
		"0042": {`"store_code":"0042"`, `"shop":"0042"`},
		"":     {`"store_code":"from-event"`},
	} {
		out := m.Map(Event{Body: []byte(body), MessageID: "m", Store: store, Received: keyTestNow}, keyTestNow)
		if len(out) != 1 || out[0].Kind != Send {
			t.Fatalf("%+v", out)
		}
		wire := string(out[0].Conversion)
		for _, w := range want {
			if !strings.Contains(wire, w) {
				t.Errorf("store %q: %s, want %s", store, wire, w)
			}
		}
		if store == "" && strings.Contains(wire, "said") {
			t.Errorf("what the event says of its store counts: %s", wire)
		}
	}
}
