package mapper

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/match"
	"relay/mapper/rules"
)

const referenceFile = "../docs/mapping.md"

// The reference of the mapping is generated from the schema and from the tables that map events,
// so that it cannot contradict them.
func TestReferenceIsCommitted(t *testing.T) {
	got := reference(t)
	if *update {
		if err := os.WriteFile(referenceFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("docs/mapping.md is not what the tables say (go test ./mapper -run Reference -update)\n%s", d)
	}
}

func reference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# The mapping

For the person who writes the mapping: which track events become which conversions at Meta, where they go, and how their fields are found.
This page lists every key, how relay reads values, and why an event is not sent.

relay reloads the file when it is saved (once it has not changed for 2 seconds, or 250 ms if it only adds routes). A file with a mistake changes nothing. Begin with [examples/mapping.yaml](../examples/mapping.yaml);
[examples/mapping-full.yaml](../examples/mapping-full.yaml) shows every key. Try a file before it goes live:

    relay check new-mapping.yaml
    relay map --mapping new-mapping.yaml --explain examples/events.json

This page is made from the code (package mapper).

## Keys

| key | type | default | meaning |
|---|---|---|---|
`)
	for _, k := range schemaKeys(t, Schema(), "", schemaDefs(t)) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.name, k.kinds, k.def, k.doc)
	}
	b.WriteString(`
A source is a path into the event such as ` + "`properties.store.code`" + `,
` + "`{const: value}`" + `, or ` + "`{expr: formula}`" + `. Several sources are tried in order.
In a formula, and in ` + "`when:`" + `, ` + "`amount(properties.total)`" + ` is the number in an amount, read like the value of an event ("12,50", "€ 12");
` + "`??`" + ` gives a default: ` + "`amount(properties.total) ?? 0`" + `.
At a hub, ` + "`store.name`" + ` is the name of the store whose relay forwarded the event, from its key in auth.keys; ` + "`relay map --store NAME`" + ` tries it.

## Names of conversions

| track event | conversion |
|---|---|
`)
	for _, x := range rules.Builtin {
		fmt.Fprintf(&b, "| %s | %s |\n", x.Event, x.Conversion)
	}
	fmt.Fprintf(&b, "\nUnder `lead` every event is sent as Lead, under `complete_registration` as CompleteRegistration. Any other event keeps its\n"+
		"own name in the conversions format and is Other in the offline format; `as:` overrides. Meta's standard names, in both\nformats: %s.\n",
		strings.Join(meta.StandardEvents.Names, ", "))

	b.WriteString(`
## Match keys

Meta finds a customer by match keys. relay cleans each value, converts it to the form that Meta hashes, and hashes it with SHA-256 (lead_id and madid
are not hashed; external_id only in the conversions format). It sends up to 5 values of a key (offline: 3 of e-mail and phone, 1 of
the others). A value that cannot be used is left out with a note.

| key | conversions | offline | default sources, replaced by ` + "`match_keys`" + ` |
|---|---|---|---|
`)
	for _, k := range match.Table {
		from := "none: list a source to send it"
		if len(k.From) > 0 {
			from = "`" + strings.Join(k.From, "`, else `") + "`"
		}
		offline := "–"
		if len(k.Offline) > 0 {
			offline = "`" + strings.Join(k.Offline, "` `") + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", k.Name, k.Conversions, offline, from)
	}
	var identifiers, web []string
	for _, id := range meta.Identifiers {
		identifiers = append(identifiers, id.Name)
		if id.Web {
			web = append(web, "`"+id.Name+"`")
		}
	}
	fmt.Fprintf(&b, "\nThese have no default source and are sent unhashed, only in the conversions format: `%s`. %s belong to a\n"+
		"web page visit and are left out of store events.\n", strings.Join(identifiers, "`, `"), strings.Join(web, ", "))
	b.WriteString(referencePeople)
	b.WriteString("\nMeta refuses an event whose only keys are all in one of these sets; relay holds it (`weak_match_keys`):\n\n")
	for _, set := range match.WeakSets {
		var names []string
		for k := range match.Table {
			if set&(1<<k) != 0 {
				names = append(names, match.Table[k].Name)
			}
		}
		fmt.Fprintf(&b, "- %s\n", strings.Join(names, ", "))
	}

	b.WriteString(`
## Value, currency, products

| field | source |
|---|---|
| value | Order Completed: ` + "`properties.revenue`" + `; all others ` + "`properties.value`" + `, or the property in ` + "`value_field`" + `. A long-form ` + "`value:`" + ` takes precedence over both. Three digits after the only separator are a fraction after a point and thousands after a comma, unless the currency has another rule: Rp15.000 is 15000, 12,345 TND is 12.345 |
| currency | ` + "`properties.currency`" + `, or the source in ` + "`currency`" + `, else the currency in the amount (47.60 EUR, £12), else ` + "`default_currency`" + `. If the amount names a different currency from the event, a Purchase is held. It is an ISO 4217 code or a symbol (€, zł, ` + "`EUR (€)`" + `); for a symbol of several currencies ($, kr) the default one |
| content_ids, contents | the ` + "`product_id`" + `s of ` + "`properties.products`" + `, or of the list in ` + "`products`" + `, else ` + "`properties.product_id`" + `; Product List Viewed: ` + "`properties.category`" + ` as a product_group |
| quantity | a whole number above zero. Weighed or measured goods (0.312 at 25.50) are 1 at the price of the line. Returned goods (quantity or price below zero) are left out |
| search_string | Products Searched: ` + "`properties.query`" + ` |
| event_time | ` + "`timestamp`" + `, else ` + "`originalTimestamp`" + `, else the time of receipt |
| event_id | ` + "`messageId`" + ` |
| order_id, item_number | the properties of these names; at the event and in custom_data unless ` + "`order_id_at`" + ` changes that. Placeholders (N/A, undefined, 0) are left out, because Meta would treat one sale as a copy of another |
| store_data | ` + "`store`" + `, else ` + "`properties.store_data`" + ` |
| custom_data | every other property, except the personal ones below |

relay sends Meta's own names in custom_data only with the type Meta expects:

| type | names |
|---|---|
`)
	byType := map[string][]string{}
	for _, f := range meta.CustomData() {
		is := f.Shape.String()
		switch f.Writer {
		case meta.Rules:
			is = "set by relay"
		case meta.Order:
			continue
		}
		byType[is] = append(byType[is], f.Name)
	}
	for _, is := range slices.Sorted(maps.Keys(byType)) {
		slices.Sort(byType[is])
		fmt.Fprintf(&b, "| %s | %s |\n", is, strings.Join(byType[is], ", "))
	}
	b.WriteString(`
relay never sends personal data in custom_data. It leaves out:

- The sources of match keys.
- Properties whose names, read as words, mean personal data: an e-mail address, a phone number, a first, last or full name, an address,
  a birth date, a gender, an IP address, an identity card number. Case and spelling do not matter (` + "`firstName`, `first_name`, `Billing Address1`,\n  `shiptoname`" + `),
  and relay knows the words in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Swedish, Danish, Norwegian, Finnish,
  Turkish, Japanese and Chinese, and the common ones in Russian, Ukrainian, Bulgarian, Greek, Arabic, Hebrew, Korean, Thai, Vietnamese, Romanian, Hungarian, Slovak,
  Slovenian, Croatian and Indonesian (` + "`kundenTelefon`, `prénom`, `fecha_nacimiento`, `sähköposti`, `電話番号`" + `). ` + "`name` is a product's; `customer_name`, and\n  `name` in an object `customer`" + `, is a person's.
  A property named after a person (` + "`client`, `Kunde`, `cashier`, `served_by`, `recipe_for`" + `) is left out if its value can be a name: ` + "`retail`, `new`, `c7`" + ` are not.
  Names of properties about such data (` + "`phone_model`, `email_consent`, `recipient_count`" + `) are not personal.
- City, state, postcode and country as properties of the event itself, and of objects such as ` + "`customer` and `shipping`" + `.
- Texts and property names with an e-mail address or a formatted phone number: with ` + "`+`, `00`" + `, or in the digit groups of
  the event's country or of ` + "`default_country`" + `.
- Texts with an IP address (a version number is not one), an IBAN, or a payment card number in groups.
- Texts that are JSON or a query (` + "`first_name=…&…`" + `) with a property that has a personal name. In an object such as
  ` + "`{\"name\": \"first_name\", \"value\": …}`" + ` the value belongs to a property of that name.
- Texts with this event's customer data as whole words, in any case: phone, street, full name, birth date, an id of six
  characters or more, or the first or last name alone (four letters or more). A product property that consists only of such a word
  stays: brand "Jordan", colour "Rose".

` + "`custom_data.keep`" + ` exempts a property from the rules about names. It never exempts an e-mail address, a formatted phone
number, or an account or card number.
` + "`relay map --privacy FILE…`" + ` lists every property that would leave, how often, and a masked sample. An ` + "`event_id`, `order_id`, `item_number`" + `,
and the ` + "`extern_id`" + ` of the offline format, with an e-mail address, a phone number,
or the customer's name, phone number, street or date of birth is sent as a keyed hash (HMAC-SHA-256 under the installation's secret, the file ` + "`secret`" + ` in
` + "`queue.path`" + `). A product id or store code with such data is left out with a note.
`)

	b.WriteString(referenceOwn)
	b.WriteString(referenceTimes + referenceOptOut)
	b.WriteString(`
## What is not sent

Skipped: deliberately not sent, counted by reason.

| reason | when |
|---|---|
`)
	for _, r := range []struct{ reason, when string }{
		{ReasonNotTrack, "the message is not a track call"},
		{ReasonDisabled, "the event's `integrations` switch this destination off"},
		{ReasonNoConsent, "`consent` is set and the event has no consent of the customer"},
		{ReasonUnmapped, "no list of the mapping names the event; it is kept for `queue.keep_unmapped` and sent if a later mapping names it"},
		{ReasonFiltered, "the event's `when:` is false"},
		{ReasonNoCustomer, "the event has no customer data (a cash sale), and `unmatched` is skip"},
		{ReasonDuplicate, "the same event was already stored under its `messageId`"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.reason, r.when)
	}
	b.WriteString(`
Held: the event becomes a dead letter with the first reason that applies. It is kept until you retry or drop it (` + "`relay dead list`" + `).

| reason | when | fix |
|---|---|---|
`)
	for _, r := range []struct{ reason, when, mend string }{
		{ReasonInvalid, "not an object, or no usable `event`", "correct the sender; drop the dead letter"},
		{ReasonTooLarge, "larger than `intake.max_event_bytes`, or than a proxy on the way to Meta accepts", "send less, or raise the limit"},
		{ReasonIDConflict, "another event has the same `messageId`: `event`, `userId` or `properties` differ", "correct the sender, so that each event has an id of its own; a retry sends the event under a new id"},
		{ReasonUnrouted, "the current mapping no longer sends this event to this event set", "map it again and retry, or drop"},
		{ReasonExpression, "a formula of the mapping failed", "correct the formula and retry"},
		{ReasonUnknownTime, "no timestamp, and received while this machine's clock was not set", "have the sender set `timestamp`; set the clock of this machine"},
		{ReasonExpired, "over 62 days old (7 for an `action_source` other than physical_store)", "none: Meta does not accept it"},
		{ReasonFuture, "dated more than 60 s ahead", "released automatically once due; set the sender's clock"},
		{ReasonNoMatchKey, "the event has customer data, but none of it is usable", "`relay map --explain` shows why; correct `match_keys` or the sender"},
		{ReasonWeakMatchKeys, "the keys are all in one of the sets above", "send an e-mail address, a phone number or a user id"},
		{ReasonMissingValue, "a Purchase without a value", "name the property under `value:` of the event"},
		{ReasonInvalidValue, "a Purchase whose value is unreadable or negative", "correct the sender; do not send a refund as Purchase"},
		{ReasonMissingCurrency, "a Purchase without a currency", "set `default_currency` and retry"},
		{ReasonInvalidCurrency, "a Purchase whose currency is not an ISO 4217 code", "correct the sender"},
		{ReasonRejected, "refused by Meta, with its code and message", "do what the message says"},
		{ReasonUnanswered, "sent alone, it gets no answer from Meta (but a firewall's page, none, or an unclear one), although other events do", "correct the network, then retry. Meta may have stored it and recognises a repeat for seven days: it is sent again byte for byte, with the mapping it was sent with (the last 16 are kept)"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.reason, r.when, r.mend)
	}
	return b.String()
}

// schemaDefs are the parts of the schema that others refer to.
func schemaDefs(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	var doc struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Defs
}

type schemaKey struct{ name, kinds, def, doc string }

// schemaKeys reads the keys of the schema in the order of its text.
func schemaKeys(t *testing.T, src []byte, prefix string, defs map[string]json.RawMessage) []schemaKey {
	t.Helper()
	ordered, err := strictyaml.Parse("schema", src)
	if err != nil {
		t.Fatal(err)
	}
	root, _ := ordered.Root().Object()
	props, ok := root.Field("properties")
	if !ok {
		return nil
	}
	fields, _ := props.Object()
	var all struct {
		Properties map[string]json.RawMessage
	}
	if err := json.Unmarshal(src, &all); err != nil {
		t.Fatal(err)
	}
	var out []schemaKey
	for _, f := range fields.Fields() {
		raw := all.Properties[f.Name]
		var one struct {
			Description          string
			Default              json.RawMessage
			AdditionalProperties json.RawMessage
		}
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		k := schemaKey{name: prefix + f.Name, kinds: strings.Join(schemaKinds(t, raw, defs), " or "), doc: one.Description}
		if one.Default != nil {
			k.def = "`" + strings.Trim(string(one.Default), `"`) + "`"
		}
		out = append(out, k)
		out = append(out, schemaKeys(t, raw, prefix+f.Name+".", defs)...)
		if f.Name == "event_sets" {
			out = append(out, schemaKeys(t, one.AdditionalProperties, prefix+f.Name+".NAME.", defs)...)
		}
	}
	return out
}

// schemaKinds describes in words what a part of the schema allows.
func schemaKinds(t *testing.T, raw json.RawMessage, defs map[string]json.RawMessage) []string {
	t.Helper()
	var s struct {
		Type  any
		Enum  []any
		Const any
		AnyOf []json.RawMessage
		OneOf []json.RawMessage
		Ref   string `json:"$ref"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	var out []string
	add := func(words ...string) {
		for _, w := range words {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	if s.Ref != "" {
		if def, ok := defs[strings.TrimPrefix(s.Ref, "#/$defs/")]; ok {
			add(schemaKinds(t, def, defs)...)
		}
	}
	for _, part := range append(s.AnyOf, s.OneOf...) {
		add(schemaKinds(t, part, defs)...)
	}
	for _, e := range s.Enum {
		add(fmt.Sprintf("`%v`", e))
	}
	if s.Const != nil {
		add(fmt.Sprintf("`%v`", s.Const))
	}
	kinds, _ := s.Type.([]any)
	if one, ok := s.Type.(string); ok {
		kinds = []any{one}
	}
	for _, k := range kinds {
		word := map[string]string{"string": "text", "array": "list", "object": "keys below it", "integer": "whole number", "boolean": "`true` or `false`"}[fmt.Sprint(k)]
		if word != "" {
			add(word)
		}
	}
	return out
}
