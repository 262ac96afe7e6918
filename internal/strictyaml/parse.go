package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds on what Parse takes.
const (
	MaxSize       = 1 << 20 // bytes of a file; some 15,000 events
	MaxAliasNodes = 10_000  // values that aliases may add to those that are written
	MaxAliasText  = MaxSize // bytes of text that aliases may add
	MaxDepth      = 200     // lists and objects within each other
	maxProblems   = 100     // reported of one file
)

// Document is one parsed YAML document and what was found wrong with it so
// far. It is not safe for concurrent use.
type Document struct {
	file       string
	lines      []string
	root       *yaml.Node
	problems   []*Problem
	keys       map[*yaml.Node]*yaml.Node // a value's key
	expanded   map[*yaml.Node]string     // text that Expand put in place of what was written
	unexpanded map[*yaml.Node]bool       // scalars that Expand could not expand
}

// Parse reads the one document of src. file is its name in messages. The
// error, if any, is Problems: what keeps the document from being read at all
// (encoding, syntax, no content, too large, endless aliases). Mistakes that
// leave a readable document, such as duplicate keys, are reported by
// [Document.Err] together with what the caller finds.
func Parse(file string, src []byte) (*Document, error) {
	d := &Document{file: file, keys: map[*yaml.Node]*yaml.Node{}}
	if len(src) > MaxSize {
		d.add(1, 1, fmt.Sprintf("the file is larger than %s, the most that is read", sizeText(MaxSize)))
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
		d.add(second.Line, second.Column, `a second document begins here; a file holds one`).WithHint(`remove the "---" line`)
	}
	d.root = root
	if !d.checkTree() {
		return nil, d.Err()
	}
	return d, nil
}

// wideEncoding names the encoding of a file that is not made of single bytes,
// by its byte order mark or by the zeros of its first character.
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

// checkBytes refuses bytes that are no text, each line's first.
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
// document, and the second document when there is one. Line numbers are those
// of src: an empty line is put in front, because the parser leaves the line out
// of errors in a first line, and taken away again.
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

// shiftLines takes the line in front away again. Aliases are not followed:
// what they point at is in the tree.
func shiftLines(n *yaml.Node) {
	n.Line--
	for _, c := range n.Content {
		shiftLines(c)
	}
}

// add notes a problem at a place.
func (d *Document) add(line, column int, message string) *Problem {
	p := &Problem{File: d.file, Line: line, Column: column, Message: message}
	if line >= 1 && line <= len(d.lines) {
		p.Source = d.lines[line-1]
	}
	d.problems = append(d.problems, p)
	return p
}

// WithHint sets what to do about the problem and returns it.
func (p *Problem) WithHint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Err returns everything wrong so far as Problems in the order of the file, or
// nil. The same problem met twice (through two aliases) is reported once; after
// 100 it says how many there are.
func (d *Document) Err() error {
	ps := d.collect(false)
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Warnings returns what is legal but suspicious, in the order of the file.
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
