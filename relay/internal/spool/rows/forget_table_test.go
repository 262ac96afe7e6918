package rows

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/person"
)

// Forget reads a table like an import: a quote that never closes swallows no other row, in
// whatever line it is, and the header determines what a column is.
func TestForgetReadsLikeImport(t *testing.T) {
	who := seeks(t, "ada@x.example", "1999", "4242")
	const ada, bo = "ada@x.example", "bo@x.example"
	for _, c := range []struct {
		name, in, left string
		layout         Layout
		gone           int
	}{
		{"an open quote in the header", "event,\"email,n\nE," + bo + ",1\nE," + ada + ",2\n", "event,\"email,n\nE," + bo + ",1\n", Layout{}, 1},
		{"an open quote without a header", "E," + bo + ",\"1\nE," + ada + ",2\nE," + bo + ",3\n", "E," + bo + ",\"1\nE," + bo + ",3\n", Layout{}, 1},
		{"an open quote in a title", "the \"shop\nevent,email\nE," + bo + "\nE," + ada + "\n", "the \"shop\nevent,email\nE," + bo + "\n", Layout{HeaderRow: 2}, 1},
		{"an open quote in her row", "event,email,n\nE,\"" + ada + ",1\nE," + bo + ",2\n", "event,email,n\nE," + bo + ",2\n", Layout{}, 1},
		{"an open quote in a neighbour's row", "event,email,n\nE,\"" + bo + ",1\nE," + ada + ",2\n", "event,email,n\nE,\"" + bo + ",1\n", Layout{}, 1},
		{"quotes that are not doubled", "event,email,n\nE," + ada + ",\"6\" nail\"\nE," + bo + ",\"6\" nail\"\n", "event,email,n\nE," + bo + ",\"6\" nail\"\n", Layout{}, 1},
		{"a cell over lines", "event,email,note\nE," + bo + ",\"a\r\nb\"\r\nE," + ada + ",\"a\r\nb\"\r\nE," + bo + ",c\r\n", "event,email,note\nE," + bo + ",\"a\r\nb\"\r\nE," + bo + ",c\r\n", Layout{}, 1},
		{"carriage returns alone", "event,email\rE," + ada + "\rE," + bo + "\r", "event,email\rE," + bo + "\r", Layout{}, 1},
		{"a sep= line", "sep=;\nKunde;Preis\n4242;1\n7;4242\n8;1999\n", "sep=;\nKunde;Preis\n7;4242\n8;1999\n", Layout{}, 1},
		{"her in a title", "of " + ada + "\n\nKunde;Preis\n7;1999\n", "\nKunde;Preis\n7;1999\n", Layout{HeaderRow: 3}, 1},
		{"her in a title that is taken for the header", "of " + ada + "\n\nKunde;Preis\n7;1999\n424242;1\n4242;" + ada + "\n", "\nKunde;Preis\n7;1999\n424242;1\n", Layout{}, 2},
		{"her in a name of the header", "Kunde,paid by " + ada + "\n7,x\n8," + ada + "\n", "7,x\n", Layout{}, 2},
		{"two columns of one name", "Kunde,Kunde,Preis\n4242,7,1\n7,4242,1\n7,8,4242\n", "Kunde,Kunde,Preis\n7,8,4242\n", Layout{}, 2},
		{"a column without a name", "Kunde,,Preis\n7,4242,1\n7,x,4242\n", "Kunde,,Preis\n7,x,4242\n", Layout{}, 1},
		{"marks of a spreadsheet", "Kunde,Preis\n\"=\"\"4242\"\"\",1\n'7,4242\n", "Kunde,Preis\n'7,4242\n", Layout{}, 1},
		{"a header of years", "Kunde,1999,Name,email\n7,1,2,x\n4242,1,2,x\n", "Kunde,1999,Name,email\n7,1,2,x\n", Layout{}, 1},
		{"blank lines", "Kunde,Preis\n\n4242,1\n\n7,4242", "Kunde,Preis\n\n\n7,4242", Layout{}, 1},
		{"blank cells behind", "Kunde,Preis\n4242,1,,\n7,4242,,\n", "Kunde,Preis\n7,4242,,\n", Layout{}, 1},
		{"no end", "Kunde,Preis\n7,1999\n4242,1", "Kunde,Preis\n7,1999\n", Layout{}, 1},
		{"nothing of matched", "Kunde,Preis\n7,1999", "Kunde,Preis\n7,1999", Layout{}, 0},
		{"nothing", "", "", Layout{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var kept bytes.Buffer
			gone, err := filterTable(strings.NewReader(c.in), &kept, &c.layout, who)
			if err != nil || gone != c.gone || kept.String() != c.left {
				t.Errorf("%d removed, %v, left:\n%q, want %d and\n%q", gone, err, kept.String(), c.gone, c.left)
			}
		})
	}
}

// Forget keeps any text unchanged except for whole rows, and no input takes long.
func FuzzForgetTable(f *testing.F) {
	for _, s := range []string{"event,email\nE,ada@x.example\n", "\"\n\"\r\n\"", "sep=|\na|b\n\n1|2", "a\rb\r", "a,b\n\"c\nd,e\n\"f\",g\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		began := time.Now()
		var kept bytes.Buffer
		gone, err := filterTable(strings.NewReader(s), &kept, &Layout{}, seeks(t, "no-such-1"))
		if err != nil || gone == 0 && kept.String() != s {
			t.Errorf("%d %v %q of %q", gone, err, kept.String(), s)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Error(fmt.Sprint(took))
		}
	})
}

// seeks returns a matcher for the people in lines.
func seeks(t *testing.T, lines ...string) *person.Matcher {
	t.Helper()
	names, err := person.Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	return person.NewMatcher(names)
}
