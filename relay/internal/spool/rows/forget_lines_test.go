package rows

import "testing"

// TestSpare: of a batch or a list on one line only the person's messages
// go, by what the batch says for all too.
func TestSpare(t *testing.T) {
	who := seeks(t, "ada@x.example", "4242")
	hers, other := `{"event":"E","userId":"4242"}`, `{"event":"E","userId":"77"}`
	for _, c := range []struct {
		in, left string
		gone     int
	}{
		{`{"batch":[` + other + `,` + hers + `, ` + other + `],"sentAt":"2026-01-31T12:00:00Z"}`, `{"batch":[` + other + `,` + other + `],"sentAt":"2026-01-31T12:00:00Z"}`, 1},
		{`{"batch":[` + hers + `]}`, ``, 1},
		{`{"batch":[` + other + `],"context":{"traits":{"email":"ada@x.example"}}}`, ``, 1},
		{`{"batch":[` + other + `,{"event":"E","context":{"traits":{"email":"bo@x.example"}}}],"context":{"traits":{"email":"ada@x.example"}}}`, ``, 2},
		{`{"x":[` + hers + `],"batch":[` + other + `,` + hers + `]}`, ``, 2},
		{`{"batch":[` + other + `]}`, `{"batch":[` + other + `]}`, 0},
		{`[` + hers + `,` + other + `]`, `[` + other + `]`, 1},
		{`[{"batch":[` + hers + `,` + other + `]},` + other + `,` + hers + `]`, `[{"batch":[` + other + `]},` + other + `]`, 2},
		{`[[[[` + hers + `,` + other + `]]]]`, ``, 1},
		{`[` + other + `]`, `[` + other + `]`, 0},
		{`[]`, `[]`, 0},
		{`{"batch":[]}`, `{"batch":[]}`, 0},
		{hers, ``, 1},
		{`{"batch":[` + hers + `,`, ``, 1}, // cut
	} {
		left, gone := spare([]byte(c.in), who)
		if string(left) != c.left || gone != c.gone {
			t.Errorf("%s\nleaves %s, %d gone; want %s, %d", c.in, left, gone, c.left, c.gone)
		}
	}
}
