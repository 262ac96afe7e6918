package rows

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// separators are the separators that are detected. Of equally frequent ones the first is used.
const separators = ",;\t|\x1f\x1e\x1d\x1c\x01\x02\x14~^，；"

// separator returns the most frequent separator of a header outside quotes.
func separator(header string) rune {
	best, most := ',', 0
	for _, c := range separators {
		if n := countUnquoted(header, c); n > most {
			best, most = c, n
		}
	}
	return best
}

// countUnquoted returns how often a character is in a line outside quotes.
func countUnquoted(line string, c rune) (n int) {
	quoted := false
	for _, b := range line {
		switch {
		case b == '"':
			quoted = !quoted
		case !quoted && b == c:
			n++
		}
	}
	return n
}

// sampleRows is how many lines below the header are compared with it.
const sampleRows = 20

// sample returns the next lines that are not blank. They are read again as rows.
func (r *records) sample() (texts []string, err error) {
	var lines []textLine
	for size := 0; len(texts) < sampleRows && size <= r.most; {
		line, err := r.in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
		size += len(line.text)
		if strings.TrimSpace(line.text) != "" {
			texts = append(texts, line.text)
		}
	}
	r.in.putBack(lines)
	return texts, nil
}

const exportWith = "commas, semicolons, tabs or pipes"

// checkSeparator returns an error if the table has been split with the wrong separator. Its rows
// would be stored with all their values in one property, which no mapping reads.
func (t *table) checkSeparator(h *header, l *Layout) error {
	for i, name := range h.names {
		for _, c := range name {
			if c < ' ' && !unicode.IsSpace(c) || c == 0x7f {
				return fmt.Errorf("the name of column %d has the control character U+%04X: if it separates columns, set it with --separator (spool: separator), or export with %s", i+1, c, exportWith)
			}
		}
	}
	if h.width() != 1 || namesColumn(h, l) {
		return nil
	}
	texts, err := t.records.sample()
	if err != nil || len(texts) == 0 {
		return err
	}
	if c, n := commonCharacter(h.text, texts, t.records.comma); n > 0 {
		return fmt.Errorf("line %d is read as one column, but %q seems to separate columns (%d in the header and in most rows): use --separator '%s' (spool: separator), or export with %s", h.line, c, n, separatorOption(c), exportWith)
	}
	if len(strings.Fields(h.text)) > 1 && most(texts, hasSeveralValues) {
		return fmt.Errorf("line %d is read as one column, but spaces seem to separate columns: export with %s", h.line, exportWith)
	}
	if isPath(h.names[0]) {
		return nil
	}
	for _, c := range separators {
		if c != t.records.comma && commonCount(texts, c) > 0 {
			err := fmt.Errorf("line %d is not a header, it is one column, but %q separates columns in the rows below: set the line of the header with --header-row (spool: header_row)", h.line, c)
			if hint := t.headerHint(h); hint != "" {
				err = fmt.Errorf("%w\n%s", err, hint)
			}
			return err
		}
	}
	return nil
}

// namesColumn reports whether the layout names a column of the header.
func namesColumn(h *header, l *Layout) bool {
	return slices.ContainsFunc(l.Columns, func(c Column) bool {
		_, _, err := h.resolve(c)
		return err == nil
	})
}

// commonCharacter returns the most frequent character that could separate columns and that the
// header and most rows contain equally often, and how often; 0: there is none.
func commonCharacter(header string, rows []string, comma rune) (best rune, n int) {
	for _, c := range header {
		if c == comma || c == best || !canSeparate(c) {
			continue
		}
		k := countUnquoted(header, c)
		if c == ':' && k == 1 { // "name: value", as in YAML
			continue
		}
		if k > n && k == commonCount(rows, c) {
			best, n = c, k
		}
	}
	return best, n
}

// commonCount returns how often most rows contain a character; 0 if they differ.
func commonCount(rows []string, c rune) int {
	counts := make([]int, len(rows))
	for i, row := range rows {
		counts[i] = countUnquoted(row, c)
	}
	slices.Sort(counts)
	n := counts[len(counts)/2] // of a majority, the middle one is a member
	if !most(rows, func(row string) bool { return countUnquoted(row, c) == n }) {
		return 0
	}
	return n
}

// canSeparate reports whether a character could separate columns: it is not one of those that
// single names, times, amounts and addresses have.
func canSeparate(c rune) bool {
	return !unicode.In(c, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(` ._-+/@&%()[]'"`, c)
}

// hasSeveralValues reports whether a row contains an e-mail address and a number, separated by
// spaces.
func hasSeveralValues(row string) bool {
	address, number := false, false
	for word := range strings.FieldsSeq(row) {
		if addressLike.MatchString(word) {
			address = true
		} else if strings.ContainsAny(word, "0123456789") {
			number = true
		}
	}
	return address && number
}

// most reports whether most rows satisfy is.
func most(rows []string, is func(string) bool) bool {
	n := 0
	for _, row := range rows {
		if is(row) {
			n++
		}
	}
	return 2*n > len(rows)
}

// separatorOption returns how --separator is given a separator.
func separatorOption(c rune) string {
	if c == '\t' {
		return "tab"
	}
	return string(c)
}
