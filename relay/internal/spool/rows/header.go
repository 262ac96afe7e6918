package rows

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// header is the header row of a table.
type header struct {
	names []string
	text  string // as in the file
	line  int64  // line of the file, from 1
	at    int64  // byte offset in the table
}

// width returns how many columns have a name.
func (h *header) width() (n int) {
	for _, name := range h.names {
		if name != "" {
			n++
		}
	}
	return n
}

func newHeader(cells []string) *header {
	h := &header{names: make([]string, len(cells))}
	for i, c := range cells {
		c, _ = plainCell(strings.Map(visible, c))
		h.names[i] = strings.TrimSpace(c)
	}
	return h
}

// visible drops invisible characters of a name.
func visible(r rune) rune {
	switch r {
	case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad':
		return -1
	case '\u00a0', '\n', '\r', '\t':
		return ' '
	}
	return r
}

// find returns the columns with a name, or those joined with + in it.
func (h *header) find(text string) (cols []int, missing string) {
	text = strings.TrimSpace(strings.Map(visible, text))
	if all := h.named(text); len(all) > 0 {
		return all, ""
	}
	for part := range strings.SplitSeq(text, "+") {
		at := h.named(strings.TrimSpace(part))
		if len(at) == 0 {
			return nil, strings.TrimSpace(part)
		}
		cols = append(cols, at[0])
	}
	return cols, ""
}

func (h *header) named(name string) (at []int) {
	if name == "" {
		return nil
	}
	for i, n := range h.names {
		if n == name {
			at = append(at, i)
		}
	}
	if base, nth, ok := cutLast(name, "#"); ok && len(at) == 0 {
		if all := h.named(base); nth >= 1 && nth <= len(all) {
			return all[nth-1 : nth]
		}
	}
	return at
}

// cutLast splits NAME#2.
func cutLast(name, sep string) (base string, nth int, ok bool) {
	i := strings.LastIndex(name, sep)
	if i <= 0 {
		return "", 0, false
	}
	nth, err := strconv.Atoi(name[i+len(sep):])
	return name[:i], nth, err == nil
}

// nth returns which of the columns with its name a column is, from 1, and how many there are.
func (h *header) nth(column int) (nth, of int) {
	for i, n := range h.names {
		if n == h.names[column] {
			of++
			if i <= column {
				nth = of
			}
		}
	}
	return nth, of
}

// resolve returns the path and the columns of c. The side of c that names columns of this file
// is the header.
func (h *header) resolve(c Column) (path string, cols []int, err error) {
	whole := c.Path + "=" + c.From
	for at := range whole {
		if whole[at] != '=' {
			continue
		}
		a, b := strings.TrimSpace(whole[:at]), strings.TrimSpace(whole[at+1:])
		for _, way := range [2][2]string{{a, b}, {b, a}} {
			if cols, missing := h.find(way[1]); missing == "" && len(cols) > 0 {
				return way[0], cols, nil
			}
		}
	}
	_, missing := h.find(c.From)
	if missing == "" {
		missing = strings.TrimSpace(c.Path)
	}
	return "", nil, h.missingColumn(missing)
}

// missingColumn returns the error for an unknown column, with the list of columns.
func (h *header) missingColumn(name string) error {
	var have []string
	for _, n := range h.names {
		if n != "" && len(have) < 40 {
			have = append(have, n)
		}
	}
	return fmt.Errorf("there is no column %q; the columns are: %s", name, strings.Join(have, ", "))
}

// choose returns what each column fills: according to l.Columns, otherwise to the header.
func (h *header) choose(l *Layout) ([]choice, error) {
	var all []choice
	var errs []error
	taken := make([]bool, len(h.names))
	for _, c := range l.Columns {
		path, cols, err := h.resolve(c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, k := range cols {
			taken[k] = true
		}
		if path != "" {
			all = append(all, choice{path, cols})
		}
	}
	for k, name := range h.names {
		if taken[k] || name == "" {
			continue
		}
		path := name
		if item, ok := lineItem(name); ok && l.GroupBy != "" {
			path = "properties.products[]." + item
		} else if !isPath(name) {
			all = append(all, choice{"", []int{k}})
			continue
		}
		all = append(all, choice{path, []int{k}})
	}
	slices.SortStableFunc(all, func(a, b choice) int { return a.cols[0] - b.cols[0] })
	return all, errors.Join(errs...)
}

// lineItem returns the product field that a header of a shop system's export stands for.
func lineItem(name string) (string, bool) {
	lower := strings.ToLower(name)
	for _, p := range []string{"lineitem ", "line item ", "lineitem_", "line_item_"} {
		if rest, ok := strings.CutPrefix(lower, p); ok && strings.TrimSpace(rest) != "" {
			return strings.Join(strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" .[]", r) }), "_"), true
		}
	}
	return "", false
}

// single returns one column, found by its header or by the path it fills.
func (h *header) single(name string, all []choice) ([]int, error) {
	name = strings.TrimSpace(name)
	if at := h.named(name); len(at) > 0 {
		return at[:1], nil
	}
	if want, err := steps(name); err == nil {
		want = rooted(want)
		for _, c := range all {
			if have, err := c.steps(h); err == nil && slices.Equal(have, want) {
				return c.cols, nil
			}
		}
	}
	return nil, h.missingColumn(name)
}
