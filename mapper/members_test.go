package mapper

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relay/mapper/match"
	"relay/mapper/people"
	"relay/mapper/rules"
)

// mapped is the conversion of a made-up Purchase under a mapping, and its codes of
// notes. keys are further lines of the mapping, members further members of the event.
func mapped(t *testing.T, keys, properties, members string) (map[string]any, Outcome) {
	t.Helper()
	src := "version: 1\ndefault_currency: USD\ndefault_country: US\n" + keys
	if !strings.Contains(keys, "events:") {
		src += "\nevents: { Order Completed: '701000000000001' }\n"
	}
	m, _, err := Parse("mapping.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"event":"Order Completed","messageId":"m-1","timestamp":"2026-11-20T10:00:00Z","properties":{"revenue":5` + properties +
		`},"context":{"traits":{"email":"ada@example.com"}}` + members + `}`
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	out := m.Map(Event{Body: []byte(body), Received: now}, now)
	if len(out) != 1 || out[0].Kind != Send {
		t.Fatalf("%+v", out)
	}
	var conv map[string]any
	if err := json.Unmarshal(out[0].Conversion, &conv); err != nil {
		t.Fatal(err)
	}
	return conv, out[0]
}

func codes(o Outcome) (out []string) {
	for _, n := range o.Notes {
		out = append(out, n.Code)
	}
	return out
}

func TestMembers(t *testing.T) {
	for _, c := range []struct {
		name, keys, properties, members string
		path                            string // in the conversion, dots between
		want                            any    // nil: absent
		note                            string
	}{
		{"order at both places", "", `,"order_id":7`, "", "order_id", "7", ""},
		{"order at both places, too", "", `,"order_id":7`, "", "custom_data.order_id", "7", ""},
		{"order at the event alone", "order_id_at: event", `,"order_id":7`, "", "custom_data.order_id", nil, ""},
		{"order in custom_data alone", "order_id_at: custom_data", `,"order_id":7`, "", "order_id", nil, ""},
		{"item at both places", "", `,"item_number":"2"`, "", "item_number", "2", ""},

		{"store of 64 characters", "store: { code: properties.s }", `,"s":"` + strings.Repeat("é", 64) + `"`, "", "store_data.store_code", strings.Repeat("é", 64), ""},
		{"store of 65 characters", "store: { code: properties.s }", `,"s":"` + strings.Repeat("a", 65) + `"`, "", "store_data", nil, noteBadMember},
		{"store that is a person", "store: { code: properties.s }", `,"s":"ada@example.com"`, "", "store_data", nil, NotePersonal},
		{"store that is a number", "store: { code: properties.s }", `,"s":14`, "", "store_data.store_code", "14", ""},
		{"constant page", "store: { page_id: { const: 1234 } }", ``, "", "store_data.store_page_id", 1234.0, ""},
		{"page that is the customer's phone", "store: { page_id: properties.s }", `,"s":12125550147`, `,"context":{"traits":{"phone":"+1 212 555 0147"}}`, "store_data", nil, NotePersonal},
		{"page that is none", "store: { page_id: properties.s }", `,"s":"1.5"`, "", "store_data", nil, noteBadMember},
		{"page of zero", "store: { page_id: properties.s }", `,"s":0`, "", "store_data", nil, noteBadMember},
		{"mapping before property", "store: { code: properties.s }", `,"s":"A","store_data":{"store_code":"B"}`, "", "store_data.store_code", "A", ""},
		{"property where the mapping finds nothing", "store: { code: properties.s }", `,"store_data":{"store_code":"B"}`, "", "store_data.store_code", "B", ""},
		{"store_data goes to one place", "", `,"store_data":{"store_code":"B"}`, "", "custom_data.store_data", nil, ""},
		{"store_data of another kind stays a property", "", `,"store_data":{"x":1}`, "", "custom_data.store_data.x", 1.0, ""},

		{"opt_out as text", "opt_out: properties.o", `,"o":"Yes"`, "", "opt_out", true, ""},
		{"opt_out of 0", "opt_out: properties.o", `,"o":0`, "", "opt_out", false, ""},
		{"opt_out that cannot be read", "opt_out: properties.o", `,"o":"perhaps"`, "", "opt_out", true, noteBadMember},
		{"no opt_out", "opt_out: properties.o", ``, "", "opt_out", nil, ""},
		{"opt_out for one event", "events: { Order Completed: { to: '1', opt_out: true } }", ``, "", "opt_out", true, ""},
		{"event before mapping", "opt_out: true\nevents: { Order Completed: { to: '1', opt_out: false } }", ``, "", "opt_out", false, ""},

		{"segmentation", "customer_segmentation: { const: customer_in_loyalty_program }", ``, "", "customer_segmentation", "customer_in_loyalty_program", ""},
		{"segmentation of the shop's own", "customer_segmentation: properties.c", `,"c":"gold"`, "", "customer_segmentation", nil, noteBadMember},

		{"page of a store's event", "referrer_url: properties.r", `,"r":"https://www.example.com/"`, "", "referrer_url", nil, noteWebSignal},
		{"page of a phone sale", "action_source: phone_call\nreferrer_url: properties.r", `,"r":"https://www.example.com/"`, "", "referrer_url", "https://www.example.com/", ""},
		{"page with a person", "action_source: phone_call\nreferrer_url: properties.r", `,"r":"https://www.example.com/?e=ada%40example.com"`, "", "referrer_url", nil, NotePersonal},
		{"page that is the customer's phone", "store: { page_id: properties.s }", `,"s":12125550147`, `,"context":{"traits":{"phone":"+1 212 555 0147"}}`, "store_data", nil, NotePersonal},
		{"page that is none", "action_source: phone_call\nreferrer_url: properties.r", `,"r":"javascript:alert(1)"`, "", "referrer_url", nil, noteBadMember},
		{"browser id in a store", "match_keys: { fbp: context.fbp }", ``, `,"context":{"traits":{"email":"ada@example.com"},"fbp":"fb.1.1558571054389.1098115397"}`, "user_data.fbp", nil, noteWebSignal},
		{"browser id that is none", "action_source: chat\nmatch_keys: { fbp: properties.f }", `,"f":"abc"`, "", "user_data.fbp", nil, noteBadIdentifier},
		{"address with a zone", "action_source: chat\nmatch_keys: { client_ip_address: properties.f }", `,"f":"fe80::1%eth0"`, "", "user_data.client_ip_address", nil, noteBadIdentifier},

		{"action_source of the event", "action_source: properties.channel", `,"channel":"chat"`, "", "action_source", "chat", ""},
		{"action_source of the event, in capitals", "action_source: properties.channel", `,"channel":" CHAT "`, "", "action_source", "chat", ""},
		{"action_source of nobody's", "action_source: properties.channel", `,"channel":"fax"`, "", "action_source", rules.PhysicalStore, noteBadMember},
		{"no action_source", "action_source: [properties.channel, phone_call]", ``, "", "action_source", "phone_call", ""},
		{"action_source for one event", "action_source: chat\nevents: { Order Completed: { to: '1', action_source: email } }", ``, "", "action_source", "email", ""},

		{"original event without a time", "original_event_data: { event_name: { const: Purchase }, event_time: properties.o }", `,"o":"soon"`, "", "original_event_data", map[string]any{"event_name": "Purchase"}, noteBadTime},
		{"original order of a person", "original_event_data: { order_id: properties.o }", `,"o":"ada@example.com"`, "", "original_event_data", map[string]any{"order_id": people.KeyedID(nil, "ada@example.com")}, noteHashedID},

		{"madid of who has opted out", "match_keys: { madid: properties.m }", `,"m":"00000000-0000-0000-0000-000000000000"`, "", "user_data.madid", nil, "madid_placeholder"},
		{"madid that is hashed", "match_keys: { madid: properties.m }", `,"m":"` + match.SHA256("x") + `"`, "", "user_data.madid", nil, "madid_hashed"},
		{"madid is no property", "match_keys: { madid: properties.m }", `,"m":"38400000-8cf0-11bd-b23e-10b96e40000d"`, "", "custom_data.m", nil, NotePersonal},
		{"lead id in a store", "", ``, `,"integrations":{"Facebook Offline Conversions":{"leadId":12345}}`, "user_data.lead_id", 12345.0, noteLeadInStore},

		{"delivery of a product", "", `,"products":[{"product_id":"a","delivery_category":"in_store"}]`, "", "custom_data.contents", []any{map[string]any{"id": "a", "quantity": 1.0, "delivery_category": "in_store"}}, ""},
		{"delivery of another word", "", `,"products":[{"product_id":"a","delivery_category":"drone"}]`, "", "custom_data.contents", []any{map[string]any{"id": "a", "quantity": 1.0}}, noteWrongType},
		{"delivery of no Purchase", "events: { Order Completed: { to: '1', as: AddToCart } }", `,"products":[{"product_id":"a","delivery_category":"in_store"}]`, "", "custom_data.contents", []any{map[string]any{"id": "a", "quantity": 1.0}}, ""},
		{"a product's name for its title", "contents: title", `,"products":[{"product_id":"a","name":"Chess"}]`, "", "custom_data.contents", []any{map[string]any{"id": "a", "quantity": 1.0, "title": "Chess"}}, ""},
		{"a brand that is an object", "contents: brand", `,"products":[{"product_id":"a","brand":{"x":1}}]`, "", "custom_data.contents", []any{map[string]any{"id": "a", "quantity": 1.0}}, noteNotText},
		{"a brand that is a person", "contents: brand", `,"products":[{"product_id":"a","brand":"ada@example.com"}]`, "", "custom_data.contents", []any{map[string]any{"id": "a", "quantity": 1.0}}, NotePersonal},
	} {
		t.Run(c.name, func(t *testing.T) {
			conv, out := mapped(t, c.keys, c.properties, c.members)
			var got any = conv
			for name := range strings.SplitSeq(c.path, ".") {
				object, _ := got.(map[string]any)
				got = object[name]
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s: %s", c.path, d)
			}
			if got := codes(out); c.note != "" && !slices.Contains(got, c.note) || c.note == "" && len(got) > 0 {
				t.Errorf("notes %v, want %q", got, c.note)
			}
		})
	}
}

// The offline format has order_id at the event, and says what it has no place for.
func TestMembersOffline(t *testing.T) {
	conv, out := mapped(t, `
api: offline
opt_out: true
customer_segmentation: { const: customer_in_loyalty_program }
original_event_data: { event_name: { const: Purchase } }
match_keys: { subscription_id: properties.sub, external_id: { all: [userId, properties.card] } }
`, `,"order_id":7,"sub":"s","card":"L-1"`, `,"userId":"u"`)
	for _, name := range []string{"opt_out", "customer_segmentation", "original_event_data", "store_data", "user_data"} {
		if conv[name] != nil {
			t.Errorf("%s is there", name)
		}
	}
	if conv["order_id"] != "7" || conv["custom_data"] != nil || conv["match_keys"].(map[string]any)["extern_id"] != "u" {
		t.Errorf("%v", conv)
	}
	n := 0
	for _, code := range codes(out) {
		if code == noteNotOffline {
			n++
		}
	}
	if n != 4 || !slices.Contains(codes(out), noteTooMany) {
		t.Errorf("notes %v", codes(out))
	}
}

// At most five values of a key are sent, each once, in the order of the sources.
func TestEveryValueOfAKey(t *testing.T) {
	var paths, properties strings.Builder
	for i := range 7 {
		fmt.Fprintf(&paths, ", properties.c%d", i)
		fmt.Fprintf(&properties, `,"c%d":"card-%d"`, i, i)
	}
	conv, out := mapped(t, "match_keys: { external_id: { all: [userId, properties.c0"+paths.String()+"] } }", properties.String(), `,"userId":"u"`)
	want := []any{match.SHA256("u"), match.SHA256("card-0"), match.SHA256("card-1"), match.SHA256("card-2"), match.SHA256("card-3")}
	if d := cmp.Diff(want, conv["user_data"].(map[string]any)["external_id"]); d != "" {
		t.Error(d)
	}
	if !slices.Contains(codes(out), noteTooMany) {
		t.Errorf("notes %v", codes(out))
	}
	for _, k := range out.Keys {
		if k.Key == "external_id" && k.Values != 5 {
			t.Errorf("%+v", k)
		}
	}
}

func TestUploadTags(t *testing.T) {
	for _, c := range []struct{ keys, properties, want string }{
		{"", "", "Segment"},
		{"upload_tag: tills", "", "tills"},
		{"upload_tag: 'till {store} {date}'\nstore: { code: properties.s }", `,"s":"NYC-14"`, "till NYC-14 2026-11-20"},
		{"upload_tag: '{store}'", `,"store_data":{"store_code":"7"}`, "7"},
		{"upload_tag: '{store}'", ``, "none"},
		{"upload_tag: '{date}'\ntimezone: Pacific/Kiritimati", ``, "2026-11-21"},
		{"upload_tag: '{store}'\nstore: { code: properties.s }", `,"s":"{date}"`, "{date}"},
		{"upload_tag: tills\nevents: { Order Completed: { to: '1', upload_tag: 'orders {date}' } }", ``, "orders 2026-11-20"},
	} {
		if _, out := mapped(t, c.keys, c.properties, ""); out.UploadTag != c.want {
			t.Errorf("%s: %q, want %q", c.keys, out.UploadTag, c.want)
		}
	}
}

// The rules of one event are its own: what another event, or the same one on its
// way to another event set, has is not touched by them.
func TestRulesOfOneEvent(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte(`
version: 1
default_currency: USD
custom_data: { exclude: [x], set: { s: { const: all }, t: { const: all } } }
events:
  Order Completed:
    - '1'
    - { to: '2', custom_data: { exclude: y, only: [x, y, z.b, list], set: { s: { const: own } } } }
    - { to: '3', custom_data: { only: [] } }
    - '4'
`))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"event":"Order Completed","userId":"u","timestamp":"2026-11-20T10:00:00Z","properties":{"revenue":5,"order_id":1,
		"x":1,"y":2,"w":[],"z":{"a":1,"b":{"c":2}},"list":[{"p":1}],"rest":[{"q":1}]}}`
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	want := map[string]string{
		"1": `{"value":5,"currency":"USD","order_id":"1","y":2,"w":[],"z":{"a":1,"b":{"c":2}},"list":[{"p":1}],"rest":[{"q":1}],"s":"all","t":"all"}`,
		"2": `{"value":5,"currency":"USD","order_id":"1","z":{"b":{"c":2}},"list":[{"p":1}],"t":"all","s":"own"}`,
		"3": `{"value":5,"currency":"USD","order_id":"1","s":"all","t":"all"}`,
	}
	want["4"] = want["1"]
	for range 2 { // the second uses the room of the first
		for _, o := range m.Map(Event{Body: []byte(body), Received: now}, now) {
			var conv struct {
				Custom json.RawMessage `json:"custom_data"`
			}
			if err := json.Unmarshal(o.Conversion, &conv); err != nil || string(conv.Custom) != want[o.EventSet] {
				t.Errorf("%s: %s, want %s", o.EventSet, conv.Custom, want[o.EventSet])
			}
		}
	}
}

// A formula that fails for one event set holds back the conversion to that one.
func TestFormulaOfOneRoute(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte(`
version: 1
default_currency: USD
events:
  Order Completed:
    - { to: '1', opt_out: { expr: "int(properties.a) > 0" } }
    - '2'
    - { to: '3', custom_data: { set: { b: { expr: "int(properties.a)" } } } }
    - '4'
`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	body := `{"event":"Order Completed","userId":"u","timestamp":"2026-11-20T10:00:00Z","properties":{"revenue":5,"a":"none"}}`
	want := map[string]Kind{"1": Hold, "2": Send, "3": Hold, "4": Send}
	for _, o := range m.Map(Event{Body: []byte(body), Received: now}, now) {
		if o.Kind != want[o.EventSet] {
			t.Errorf("%s: %s %s", o.EventSet, o.Kind, o.Message)
		}
	}
}

// The advertising id that is a match key leaves under no other name.
func TestMadidStays(t *testing.T) {
	const id = "38400000-8cf0-11bd-b23e-10b96e40000d"
	conv, _ := mapped(t, "match_keys: { madid: properties.m }", `,"m":"`+id+`","note":"seen on `+strings.ToUpper(id)+` today"`, "")
	if custom, _ := json.Marshal(conv["custom_data"]); strings.Contains(strings.ToLower(string(custom)), id) {
		t.Errorf("%s", custom)
	}
}

// An event of a lead's stage is judged by the age of its action_source, like all
// that are no store's.
func TestPresetAge(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte("version: 1\nevents:\n  Stage: { to: '1', preset: crm_lead, custom_data: { set: { lead_event_source: { const: CRM } } } }\n  Visit: '1'\n"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	for event, kind := range map[string]Kind{"Stage": Hold, "Visit": Send} {
		body := fmt.Sprintf(`{"event":%q,"userId":"u","timestamp":"2026-11-10T10:00:00Z"}`, event)
		if out := m.Map(Event{Body: []byte(body), Received: now}, now); out[0].Kind != kind {
			t.Errorf("%s: %+v", event, out[0])
		}
	}
}
