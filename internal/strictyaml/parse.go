package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds on the input of Parse.
const (
	MaxSize       = 1 << 20 // bytes of a file; some 15,000 events
	MaxAliasNodes = 10_000  // values that aliases can add
	MaxAliasText  = MaxSize // bytes of text that aliases can add
	MaxDepth      = 200     // nesting of lists and objects
	maxProblems   = 100     // reported of one file
)

// Document is one parsed YAML document with the problems found so far. It is not
// safe for concurrent use.
type Document struct {
	file       string
	lines      []string
	root       *yaml.Node
	problems   []*Problem
	keys       map[*yaml.Node]*yaml.Node // a value's key
	expanded   map[*yaml.Node]string     // text that Expand set instead of the written one
	unexpanded map[*yaml.Node]bool       // scalars that Expand could not expand
}

// Parse reads the single document of src. file is its name in messages. The
// error, if any, is of type Problems and contains what makes the document unreadable
// (encoding, syntax, no content, too large, endless aliases). [Document.Err] reports
// mistakes in a readable document, such as duplicate keys, together with those that the
// caller finds.
func Parse(file string, src []byte) (*Document, error) {
	d := &Document{file: file, keys: map[*yaml.Node]*yaml.Node{}}
	if len(src) > MaxSize {
		d.add(1, 1, fmt.Sprintf("the file is larger than the limit of %s", sizeText(MaxSize)))
		return nil, d.Err()
	}
	if enc := wideEncoding(src); enc != "" {
		d.add(1, 1, "the file is encoded as "+enc).WithHint("save it as UTF-8")
		return nil, d.Err()
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	d.lines = splitLines(src)
	if !d.checkBytes(src) {
		return nil, d.Err()
	}
	root, second, err := parseNodes(src)
	if err != nil {
		d.syntaxProblem(src, err)
		return nil, d.Err()
	}
	if root == nil || root.Kind == yaml.ScalarNode && root.Style == 0 && root.Tag == "!!null" {
		d.add(1, 1, "the file is empty")
		return nil, d.Err()
	}
	if second != nil {
		d.add(second.Line, second.Column, `a second document begins here; only one is allowed`).WithHint(`remove the "---" line`)
	}
	d.root = root
	if !d.checkTree() {
		return nil, d.Err()
	}
	return d, nil
}

// wideEncoding returns the name of a UTF-16 or UTF-32 encoding, detected by the byte
// order mark or the zeros of the first character; "" for any other file.
func wideEncoding(src []byte) string {
	if len(src) < 2 {
		return ""
	}
	switch a, b := src[0], src[1]; {
	case a == 0xff && b == 0xfe && len(src) >= 4 && src[2] == 0 && src[3] == 0,
		a == 0 && b == 0 && len(src) >= 4:
		return "UTF-32"
	case a == 0xff && b == 0xfe, a == 0xfe && b == 0xff, a == 0 && b != 0, a != 0 && b == 0:
		return "UTF-16"
	}
	return ""
}

// splitLines splits at YAML's line breaks, so that line numbers agree with the
// parser's.
func splitLines(src []byte) []string {
	var lines []string
	start := 0
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			n = 2
		}
		if isBreak(r) {
			lines = append(lines, string(src[start:i]))
			start = i + n
		}
		i += n
	}
	return append(lines, string(src[start:]))
}

func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// checkBytes reports bytes that are not text, the first of each line.
func (d *Document) checkBytes(src []byte) bool {
	line, column, reported := 1, 1, 0
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		bad := r == utf8.RuneError && n == 1
		control := r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff || r == '\ufeff'
		if (bad || control) && line != reported {
			reported = line
			switch {
			case bad:
				d.add(line, column, fmt.Sprintf("byte 0x%02X is not valid UTF-8", src[i])).WithHint("save the file as UTF-8")
			case r == '\ufeff':
				d.add(line, column, "a byte order mark (U+FEFF) inside the file").WithHint("remove the invisible character")
			default:
				d.add(line, column, fmt.Sprintf("control character U+%04X is not allowed", r)).WithHint("remove the invisible character")
			}
		}
		if r == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			n = 2
		}
		if isBreak(r) {
			line, column = line+1, 1
		} else {
			column++
		}
		i += n
	}
	return reported == 0
}

// parseNodes runs the YAML parser and returns the content of the first
// document, and the second document if there is one. Line numbers are those
// of src. The parser omits the line number of an error in the first line, so an empty
// line is prepended, and line numbers are reduced by one afterwards.
func parseNodes(src []byte) (root, second *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, second, err = nil, nil, fmt.Errorf("yaml: the parser failed: %v", p)
		}
	}()
	dec := yaml.NewDecoder(io.MultiReader(bytes.NewReader([]byte("\n")), bytes.NewReader(src)))
	var first, next yaml.Node
	switch err := dec.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	switch err := dec.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, nil, err
	default:
		next.Line--
		second = &next
	}
	if len(first.Content) == 0 {
		return nil, second, nil
	}
	root = first.Content[0]
	shiftLines(root)
	return root, second, nil
}

// shiftLines reduces all line numbers by one. It does not follow aliases, because
// their targets are in the tree.
func shiftLines(n *yaml.Node) {
	n.Line--
	for _, c := range n.Content {
		shiftLines(c)
	}
}

// add records a problem at a position.
func (d *Document) add(line, column int, message string) *Problem {
	p := &Problem{File: d.file, Line: line, Column: column, Message: message}
	if line >= 1 && line <= len(d.lines) {
		p.Source = d.lines[line-1]
	}
	d.problems = append(d.problems, p)
	return p
}

// WithHint sets the fix of the problem and returns the problem.
func (p *Problem) WithHint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Err returns all problems so far as Problems in the order of the file, or
// nil. A problem found twice (through two aliases) is reported once; after
// 100 problems it reports only the number of the rest.
func (d *Document) Err() error {
	ps := d.collect(false)
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Warnings returns the warnings so far, in the order of the file.
func (d *Document) Warnings() []Problem { return d.collect(true) }

func (d *Document) collect(warnings bool) Problems {
	type place struct {
		line, column int
		message      string
	}
	var out Problems
	seen := map[place]bool{}
	for _, p := range d.problems {
		at := place{p.Line, p.Column, p.Message}
		if p.Warning == warnings && !seen[at] {
			seen[at] = true
			out = append(out, *p)
		}
	}
	out = out.sorted()
	if len(out) > maxProblems {
		more := len(out) - maxProblems
		last := out[maxProblems]
		out = append(out[:maxProblems], Problem{
			File: last.File, Line: last.Line, Column: last.Column, Warning: warnings,
			Message: fmt.Sprintf("… and %d more problems from here on", more),
		})
	}
	return out
}
