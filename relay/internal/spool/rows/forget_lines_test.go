package rows

import "testing"

// From a batch or a list on one line only the person's messages are removed, also those that the
// batch's shared members make the person's.
func TestRemovePerson(t *testing.T) {
	who := seeks(t, "ada@x.example", "4242")
	matched, other := `{"event":"E","userId":"4242"}`, `{"event":"E","userId":"77"}`
	for _, c := range []struct {
		in, left string
		gone     int
	}{
		{`{"batch":[` + other + `,` + matched + `, ` + other + `],"sentAt":"2026-01-31T12:00:00Z"}`, `{"batch":[` + other + `,` + other + `],"sentAt":"2026-01-31T12:00:00Z"}`, 1},
		{`{"batch":[` + matched + `]}`, ``, 1},
		{`{"batch":[` + other + `],"context":{"traits":{"email":"ada@x.example"}}}`, ``, 1},
		{`{"batch":[` + other + `,{"event":"E","context":{"traits":{"email":"bo@x.example"}}}],"context":{"traits":{"email":"ada@x.example"}}}`, ``, 2},
		{`{"x":[` + matched + `],"batch":[` + other + `,` + matched + `]}`, ``, 2},
		{`{"batch":[` + other + `]}`, `{"batch":[` + other + `]}`, 0},
		{`[` + matched + `,` + other + `]`, `[` + other + `]`, 1},
		{`[{"batch":[` + matched + `,` + other + `]},` + other + `,` + matched + `]`, `[{"batch":[` + other + `]},` + other + `]`, 2},
		{`[[[[` + matched + `,` + other + `]]]]`, ``, 1},
		{`[` + other + `]`, `[` + other + `]`, 0},
		{`[]`, `[]`, 0},
		{`{"batch":[]}`, `{"batch":[]}`, 0},
		{matched, ``, 1},
		{`{"batch":[` + matched + `,`, ``, 1}, // cut
	} {
		left, gone := removePerson([]byte(c.in), who)
		if string(left) != c.left || gone != c.gone {
			t.Errorf("%s\nleaves %s, %d removed; want %s, %d", c.in, left, gone, c.left, c.gone)
		}
	}
}
