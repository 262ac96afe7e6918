package mapper

import (
	"testing"

	"relay/mapper/match"
)

// TestLastNameBehindGivenOne: where an event gives the first name by itself, what of the
// full name comes behind it is the last name.
func TestLastNameBehindGivenOne(t *testing.T) {
	for traits, want := range map[string]string{
		`"firstName":"Ada Maria","name":"Ada Maria Hofe"`:         "hofe",
		`"firstName":"ada maria","name":"Dr. ADA MARIA von Hofe"`: "vonhofe",
		`"firstName":"Ada","name":"Ada Maria Hofe"`:               "mariahofe",
		`"firstName":"Ada","name":"Hofe, Ada"`:                    "hofe",
		`"firstName":"Ada Maria","name":"Ada Maria"`:              "maria",
		`"firstName":"Kim","name":"Ada Maria Hofe"`:               "mariahofe",
		`"firstName":"Anne-Marie","name":"Anne Marie Hofe"`:       "hofe",
		`"name":"Ada Maria Hofe"`:                                 "mariahofe",
	} {
		o := mapOne(t, parseForKeys(t, ""), `{"event":"E","userId":"C-7","context":{"traits":{`+traits+`}}}`)
		if got := wireOf(t, o)["user_data"].(map[string]any)["ln"].([]any); len(got) != 1 || got[0] != match.SHA256(want) {
			t.Errorf("%s: not the hash of %q", traits, want)
		}
	}
}
