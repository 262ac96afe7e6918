package strictyaml

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// checkTree reports YAML features that this package does not support. It returns
// false if the tree cannot be walked safely.
func (d *Document) checkTree() bool {
	c := treeCheck{doc: d, size: map[*yaml.Node]extent{}, open: map[*yaml.Node]bool{}}
	c.walk(d.root, 1)
	if c.fatal {
		return false
	}
	if c.bomb != nil {
		what := fmt.Sprintf("%d values", MaxAliasNodes)
		if c.extra.nodes <= MaxAliasNodes {
			what = fmt.Sprintf("%d bytes of text", MaxAliasText)
		}
		d.add(c.bomb.Line, c.bomb.Column, "aliases expand this file to more than "+what).
			WithHint("write the values out, or use fewer aliases")
		return false
	}
	return true
}

// extent is the size of a node, with its children and with its aliases expanded.
type extent struct{ nodes, text int }

// saturated prevents the overflow of nested sums.
const saturated = 1 << 30

func (e extent) plus(o extent) extent {
	return extent{min(e.nodes+o.nodes, saturated), min(e.text+o.text, saturated)}
}

// treeCheck walks every written node once and computes its size with aliases
// expanded.
type treeCheck struct {
	doc   *Document
	size  map[*yaml.Node]extent
	open  map[*yaml.Node]bool // ancestors of the current node
	extra extent              // what aliases add
	bomb  *yaml.Node          // the alias that broke the bound
	fatal bool
}

func (c *treeCheck) walk(n *yaml.Node, depth int) extent {
	if depth > MaxDepth {
		if !c.fatal {
			c.fatal = true
			c.doc.add(n.Line, n.Column, fmt.Sprintf("nested more than %d levels deep", MaxDepth))
		}
		return extent{nodes: 1}
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n)
	}
	c.open[n] = true
	defer delete(c.open, n)
	total := extent{1, len(n.Value)}
	switch n.Kind {
	case yaml.ScalarNode:
		c.tag(n)
	case yaml.SequenceNode:
		c.tag(n)
		for _, item := range n.Content {
			total = total.plus(c.walk(item, depth+1))
		}
	case yaml.MappingNode:
		c.tag(n)
		c.keys(n)
		for i := 1; i < len(n.Content); i += 2 {
			c.doc.keys[n.Content[i]] = n.Content[i-1]
			if k := n.Content[i-1]; k.Kind != yaml.ScalarNode {
				c.walk(k, depth+1)
			}
			total = total.plus(extent{1, len(n.Content[i-1].Value)}).plus(c.walk(n.Content[i], depth+1))
		}
	}
	c.size[n] = total
	return total
}

func (c *treeCheck) alias(n *yaml.Node) extent {
	if c.open[n.Alias] {
		c.fatal = true
		c.doc.add(n.Line, n.Column, fmt.Sprintf("the alias *%s refers to a value that contains it", n.Value)).WithHint("write the value out instead of the alias")
		return extent{nodes: 1}
	}
	size := c.size[n.Alias]
	c.extra = c.extra.plus(size)
	if (c.extra.nodes > MaxAliasNodes || c.extra.text > MaxAliasText) && c.bomb == nil {
		c.bomb = n
	}
	return size
}

// tag refuses explicit tags, because they change the type of a value. !!str, !!seq and
// !!map state only the actual type and are accepted.
func (c *treeCheck) tag(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str",
		n.Kind == yaml.SequenceNode && n.Tag == "!!seq",
		n.Kind == yaml.MappingNode && n.Tag == "!!map":
		return
	}
	c.doc.add(n.Line, n.Column, fmt.Sprintf("the tag %s is not supported", n.Tag)).
		WithHint(`write the value without it; put it in quotes if the "!" is part of the text`)
}

func (c *treeCheck) keys(n *yaml.Node) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !usableKey(k) {
			c.badKey(k)
			continue
		}
		if f := first[k.Value]; f != nil {
			c.doc.add(k.Line, k.Column, fmt.Sprintf("duplicate key %q", k.Value)).WithHint("it is first set on line %d", f.Line)
			continue
		}
		first[k.Value] = k
	}
}

func (c *treeCheck) badKey(k *yaml.Node) {
	switch {
	case isMerge(k):
		c.doc.add(k.Line, k.Column, "merge keys (<<) are not supported").WithHint("write the keys out")
	case k.Kind == yaml.ScalarNode:
		c.doc.add(k.Line, k.Column, "a key is missing here").WithHint(`write "key: value"`)
	default:
		c.doc.add(k.Line, k.Column, "a key must be plain text").WithHint("put it in quotes if it is meant as text")
	}
}

func isMerge(k *yaml.Node) bool { return k.Kind == yaml.ScalarNode && k.Tag == "!!merge" }

// usableKey reports whether a key is text that a caller can request.
func usableKey(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && !isMerge(k) && (k.Value != "" || k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0)
}
