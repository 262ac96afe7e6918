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

// The reference of the mapping is made from the schema and from the tables
// that map events, so that it cannot say anything else than they do.
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

Which track events become which conversions at Meta, where they go, and how their fields are found. The file is reloaded
whenever it is saved (once it has been still for 2 seconds, or 250 ms where it only adds routes); one with a mistake changes nothing. Begin with [examples/mapping.yaml](../examples/mapping.yaml);
[examples/mapping-full.yaml](../examples/mapping-full.yaml) shows every key. Try a file before it goes live:

    relay check new-mapping.yaml
    relay map --mapping new-mapping.yaml --explain examples/events.json

This page is made from the tables in package mapper.

## Keys

| key | may be | default | meaning |
|---|---|---|---|
`)
	for _, k := range schemaKeys(t, Schema(), "", schemaDefs(t)) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.name, k.kinds, k.def, k.doc)
	}
	b.WriteString(`
A source, wherever one may be written, is a path into the event such as ` + "`properties.store.code`" + `,
` + "`{const: value}`" + `, or ` + "`{expr: formula}`" + `. Several sources are tried in order.
In a formula, and in ` + "`when:`" + `, ` + "`amount(properties.total)`" + ` is the number that an amount says, read as the value of an event is ("12,50", "€ 12");
` + "`??`" + ` gives a default: ` + "`amount(properties.total) ?? 0`" + `.
At a hub, ` + "`store.name`" + ` is the name of the store whose relay forwarded the event, by its key in auth.keys; ` + "`relay map --store NAME`" + ` tries it.

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

What a customer is found by. Each value is cleaned, brought into the form Meta hashes, and hashed with SHA-256 (lead_id and madid
are not hashed; external_id only in the conversions format). Up to 5 values of a key are sent (offline: 3 of e-mail and phone, 1 of
the others). What cannot be used is left out with a note that says why.

| key | conversions | offline | from, unless ` + "`match_keys`" + ` says otherwise |
|---|---|---|---|
`)
	for _, k := range match.Table {
		from := "nothing: list a source to send it"
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
	fmt.Fprintf(&b, "\nThese have no source but one that `match_keys` lists, and go unhashed, in the conversions format alone: `%s`. %s belong to a\n"+
		"visit of a web page, and are left out of events of a store.\n", strings.Join(identifiers, "`, `"), strings.Join(web, ", "))
	b.WriteString(referencePeople)
	b.WriteString("\nMeta refuses an event whose only keys are within one of these sets; relay holds it (`weak_match_keys`):\n\n")
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

| field | from |
|---|---|
| value | Order Completed: ` + "`properties.revenue`" + `; all others ` + "`properties.value`" + `, or what ` + "`value_field`" + ` names; a long-form ` + "`value:`" + ` wins over both. Three digits behind the only mark of a text are a fraction with a point, thousands with a comma, but as the currency has it: Rp15.000 is 15000, 12,345 TND is 12.345 |
| currency | ` + "`properties.currency`" + `, or what ` + "`currency`" + ` names, else the one that the amount names (47.60 EUR, £12), else ` + "`default_currency`" + `; an amount that names another one than the event holds a Purchase. It is a code of ISO 4217, or a mark as beside an amount (€, zł, ` + "`EUR (€)`" + `); of a mark of several ($, kr) the default one |
| content_ids, contents | the ` + "`product_id`" + `s of ` + "`properties.products`" + `, or what ` + "`products`" + ` names, else ` + "`properties.product_id`" + `; Product List Viewed: ` + "`properties.category`" + ` as a product_group |
| quantity | a whole number above zero; what is weighed or measured (0.312 at 25.50) is 1 at the price of the line; what was returned, quantity or price below zero, is left out |
| search_string | Products Searched: ` + "`properties.query`" + ` |
| event_time | ` + "`timestamp`" + `, else ` + "`originalTimestamp`" + `, else the time of receipt |
| event_id | ` + "`messageId`" + ` |
| order_id, item_number | the properties of these names; at the event and in custom_data unless ` + "`order_id_at`" + ` says otherwise. What stands for none (N/A, undefined, 0) is left out: Meta would take one sale for a copy of another |
| store_data | ` + "`store`" + `, else ` + "`properties.store_data`" + ` |
| custom_data | every other property, but for the personal ones below |

Meta's own names in custom_data are only sent in the type Meta expects:

| type | names |
|---|---|
`)
	byType := map[string][]string{}
	for _, f := range meta.CustomData() {
		is := f.Shape.String()
		switch f.Writer {
		case meta.Rules:
			is = "set by relay itself"
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
Personal data is never sent in custom_data:

- What a match key is taken from.
- Properties whose names, read as words, mean somebody's data: an e-mail address, a phone number, a first, last or full name, an address,
  a birth date, a gender, an IP address, a number of an identity card. Case and spelling do not matter (` + "`firstName`, `first_name`, `Billing Address1`,\n  `shiptoname`" + `),
  and the words are known in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Swedish, Danish, Norwegian, Finnish,
  Turkish, Japanese and Chinese, and the usual ones in Russian, Ukrainian, Bulgarian, Greek, Arabic, Hebrew, Korean, Thai, Vietnamese, Romanian, Hungarian, Slovak,
  Slovenian, Croatian and Indonesian (` + "`kundenTelefon`, `prénom`, `fecha_nacimiento`, `sähköposti`, `電話番号`" + `). ` + "`name` is a product's; `customer_name`, and\n  `name` in an object `customer`" + `, is somebody's.
  What is called after somebody (` + "`client`, `Kunde`, `cashier`, `served_by`, `recipe_for`" + `) is left out when its value may be a name: ` + "`retail`, `new`, `c7`" + ` are none.
  Names of what is about such data (` + "`phone_model`, `email_consent`, `recipient_count`" + `) are not personal.
- As properties of the event itself, and of objects such as ` + "`customer` and `shipping`" + `: city, state, postcode, country.
- A text, or a name of a property, that holds an e-mail address; or a phone number that is written as one: with ` + "`+`, `00`" + `, or in the groups of
  the event's country or of ` + "`default_country`" + `.
- A text that holds an IP address (a version is none), an IBAN, or the number of a payment card in groups.
- A text that is JSON or a query (` + "`first_name=…&…`" + `) in which a property is personal by its name. In an object such as
  ` + "`{\"name\": \"first_name\", \"value\": …}`" + ` the value is that of a property of that name.
- A text that holds, as whole words in any case, what this event says about its customer: phone, street, full name, birth date, an id of six
  characters or more; or the first or last name alone (four letters or more). In a property of the product, a text that is no more than that word
  stays: brand "Jordan", colour "Rose".

` + "`custom_data.keep`" + ` lets a property through whose name, or whose single name, is not the customer's. An e-mail address, a phone number that
is written as one, and the number of an account or a card it never lets through.
` + "`relay map --privacy FILE…`" + ` lists every property that would leave, with how often and a masked sample. An ` + "`event_id`, `order_id`, `item_number`" + `,
and the ` + "`extern_id`" + ` of the offline format, that holds an e-mail address, a phone number,
or the customer's name, phone number, street or date of birth is sent as a keyed hash (HMAC-SHA-256 under the installation's secret, the file ` + "`secret`" + ` in
` + "`queue.path`" + `). The id of a product or the code of a store that holds one is left out, with a note.
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
		{ReasonNotTrack, "the message is no track call"},
		{ReasonDisabled, "the event's `integrations` switch this destination off"},
		{ReasonNoConsent, "`consent` is set and the event does not say that the customer agreed"},
		{ReasonUnmapped, "no list of the mapping names the event; kept for `queue.keep_unmapped`, and sent if a later mapping knows it"},
		{ReasonFiltered, "the event's `when:` does not hold"},
		{ReasonNoCustomer, "nothing in the event could identify a customer (a cash sale), and `unmatched` is skip"},
		{ReasonDuplicate, "the same event was stored before under its `messageId`"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.reason, r.when)
	}
	b.WriteString(`
Held: becomes a dead letter, kept until somebody retries or drops it (` + "`relay dead list`" + `). The first that applies.

| reason | when | fix it by |
|---|---|---|
`)
	for _, r := range []struct{ reason, when, mend string }{
		{ReasonInvalid, "not an object, or no usable `event`", "correct the sender; drop the dead letter"},
		{ReasonTooLarge, "larger than `intake.max_event_bytes`, or than a proxy on the way to Meta takes", "send less, or raise the limit"},
		{ReasonIDConflict, "another event was received under the same `messageId`: `event`, `userId` or `properties` differ", "have the sender give each event an id of its own; a retry sends the event under one"},
		{ReasonUnrouted, "today's mapping no longer sends this event to this event set", "map it again and retry, or drop"},
		{ReasonExpression, "a formula of the mapping failed", "correct the formula and retry"},
		{ReasonUnknownTime, "no timestamp of its own, and received by a clock that nobody had set", "have the sender give a `timestamp`; set the clock of this machine"},
		{ReasonExpired, "over 62 days old (7 for an `action_source` other than physical_store)", "nothing: Meta does not take it"},
		{ReasonFuture, "dated more than 60 s ahead", "released by itself once due; set the sender's clock"},
		{ReasonNoMatchKey, "there was customer data, none of it usable", "`relay map --explain` says why; correct `match_keys` or the sender"},
		{ReasonWeakMatchKeys, "the keys are within one of the sets above", "send an e-mail address, a phone number or a user id"},
		{ReasonMissingValue, "a Purchase without a value", "name the property under `value:` of the event"},
		{ReasonInvalidValue, "a Purchase whose value is unreadable or negative", "correct the sender; a refund is no Purchase"},
		{ReasonMissingCurrency, "a Purchase without a currency", "set `default_currency` and retry"},
		{ReasonInvalidCurrency, "a Purchase whose currency is none of ISO 4217", "correct the sender"},
		{ReasonRejected, "refused by Meta, with its code and words", "what the message says"},
		{ReasonUnanswered, "alone it draws no answer of Meta's (a firewall's page, nothing, an unclear one), though others of its event set do", "see to what is on the way, then retry; Meta may have stored it, and knows a repeat for seven days: it is sent again byte for byte, by the mapping it was sent with (the last 16 are kept)"},
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

// schemaKinds says in words what a part of the schema allows.
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
