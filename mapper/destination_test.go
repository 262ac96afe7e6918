package mapper

import (
	"testing"

	"relay/mapper/event"
)

// TestOptOut: every name the destination has had, and the ways of saying no.
func TestOptOut(t *testing.T) {
	m := parseForKeys(t, "")
	out := func(members string) bool {
		o := mapOne(t, m, `{"event":"E","userId":"u",`+members+`}`)
		if o.Reason != "" && o.Reason != ReasonDisabled {
			t.Errorf("%s: %s", members, o.Reason)
		}
		return o.Reason == ReasonDisabled
	}
	for _, name := range []string{
		"Facebook Offline Conversions", "Facebook Conversions API", "Facebook Conversions API (Actions)", "Facebook Offline Conversions (Actions)",
		"Facebook Conversions", "Meta Conversions API", "Meta Conversions API (Actions)", "Meta Offline Conversions", "FACEBOOK_CONVERSIONS",
		"FACEBOOK_OFFLINE_CONVERSIONS", "facebook-offline-conversions", "facebook conversions api ", "Facebook\u00a0Conversions",
	} {
		q := event.Quote(name)
		for _, c := range []struct {
			members string
			want    bool
		}{
			{`"integrations":{` + q + `:false}`, true},
			{`"integrations":{` + q + `:"false"}`, true},
			{`"integrations":{` + q + `:0}`, true},
			{`"integrations":{"All":true,` + q + `:false}`, true},
			{`"integrations":{` + q + `:false,"Facebook Conversions API":true}`, name != "Facebook Conversions API"},
			{`"context":{"integrations":{` + q + `:false}}`, true},
			{`"integrations":{` + q + `:true}`, false},
			{`"integrations":{"All":false,` + q + `:true}`, false},
			{`"integrations":{"all":false,` + q + `:{"leadId":"1"}}`, false},
			{`"integrations":{"ALL":"false",` + q + `:"true"}`, false},
			{`"integrations":{"All":false,` + q + `:[]}`, true},
			{`"integrations":{` + q + `:null}`, false},
		} {
			if got := out(c.members); got != c.want {
				t.Errorf("%s: opted out %v, want %v", c.members, got, c.want)
			}
		}
	}
	for members, want := range map[string]bool{
		`"integrations":{"All":false}`:                                          true,
		`"context":{"integrations":{"All":false}}`:                              true,
		`"context":{"integrations":{"all":0}}`:                                  true,
		`"integrations":{"Facebook Pixel Server-Side":false}`:                   true,
		`"integrations":{"All":false,"Facebook Pixel Server-Side":true}`:        true, // a name to say no by, not yes
		`"integrations":{"Facebook Pixel":false}`:                               false,
		`"integrations":{"Facebook App Events":false}`:                          false,
		`"integrations":{"Facebook Custom Audiences":false,"Salesforce":false}`: false,
		`"integrations":{"Segment.io":false,"AppsFlyer":false}`:                 false, // what mobile libraries write
		`"integrations":{"Conversions API":false}`:                              false,

		`"integrations":[]`:             false,
		`"integrations":false`:          false,
		`"context":{"integrations":[]}`: false,
	} {
		if got := out(members); got != want {
			t.Errorf("%s: opted out %v, want %v", members, got, want)
		}
	}
}

// Options for the destination are found under each of its names.
func TestOptionsUnderEveryName(t *testing.T) {
	m := parseForKeys(t, "limited_data_use: { country: 0, state: 0 }\n", WithSecret(testSecret))
	for _, at := range []string{"integrations", "context"} {
		for _, name := range []string{"Facebook Offline Conversions", "facebook_conversions", "Facebook Conversions API (Actions)", "Meta Offline Conversions"} {
			o := mapOne(t, m, `{"event":"E","`+at+`":{"Facebook Conversions API":{},`+event.Quote(name)+`:{"lead_id":"l:77","data_processing_options":[["LDU"],1,1002]}}}`)
			if o.Kind != Send || len(o.People) != 1 || o.People[0] != printsOf(testSecret, "77")[1] {
				t.Errorf("%s, %s: %s %s %q", at, name, o.Kind, o.Reason, o.People)
			}
			if got := wireOf(t, o)["data_processing_options_state"]; got != 1002.0 {
				t.Errorf("%s, %s: state %v", at, name, got)
			}
		}
	}
}
