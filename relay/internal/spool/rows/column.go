package rows

import (
	"fmt"
	"strings"
)

// Column fills the place Path of the event from the columns named in From, joined with spaces
// if there are several ("Date + Time"). An empty Path leaves the column out. Path and From can be
// swapped if Path names columns of the file.
type Column struct {
	Path string `json:"path"`
	From string `json:"from"`
}

// ParseColumn parses PATH=HEADER.
func ParseColumn(text string) (Column, error) {
	path, from, ok := strings.Cut(text, "=")
	if !ok || strings.TrimSpace(path) == "" && strings.TrimSpace(from) == "" {
		return Column{}, fmt.Errorf("%q: want PATH=HEADER, such as 'timestamp=Date' or 'timestamp=Date + Time'", text)
	}
	return Column{Path: path, From: from}, nil
}

// ParseSeparator parses the separator of a table; "" means that it is detected.
func ParseSeparator(text string) (rune, error) {
	switch s := []rune(text); {
	case len(s) == 0:
		return 0, nil
	case text == "tab", text == `\t`:
		return '\t', nil
	case len(s) == 1 && !strings.ContainsRune("\"\r\n\uFFFD", s[0]):
		return s[0], nil
	}
	return 0, fmt.Errorf("%q: want one character, or tab", text)
}

// choice is a path of the event and the columns that fill it.
type choice struct {
	path string
	cols []int
}

// steps returns the path that is filled.
func (c choice) steps(h *header) ([]step, error) {
	if c.path == "" { // a property with the column's name, whatever it contains
		return []step{{name: "properties", in: noIndex}, {name: h.names[c.cols[0]], in: noIndex}}, nil
	}
	s, err := steps(c.path)
	return rooted(s), err
}
