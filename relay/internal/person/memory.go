package person

import (
	"slices"
	"strings"
)

// Bounds of what a collector remembers. Events have the same names, and many of the same
// texts: of products, pages, programs. What stands where ids and addresses do is
// another in each.
const (
	maxNames = 10_000
	maxName  = 100  // bytes
	maxTexts = 1024 // of each of two generations
	maxText  = 256  // bytes
)

// knownName is a name that was read.
type knownName struct {
	name
	seen   [2]bool // as one of an object of people, of anything else
	tokens [2][]token
}

func (c *collector) readName(s string, at place) (n name, found bool) {
	k, ok := c.names[s]
	if !ok {
		k = &knownName{name: readName(s)}
		if len(c.names) < maxNames && len(s) < maxName {
			c.names[strings.Clone(s)] = k
		}
	}
	of := 0
	if at == idPlace {
		of = 1
	}
	if !k.seen[of] {
		c.tokenize(s, name{place: at, isName: true})
		k.seen[of], k.tokens[of] = true, slices.Clone(c.text)
	}
	c.keepAll(k.tokens[of])
	return k.name, false
}

func (c *collector) visitText(s string, n name) bool {
	if n.place != elsewhere || len(s) > maxText {
		c.tokenize(s, n)
		c.keepAll(c.text)
		return false
	}
	if holdsNoToken(s, n.thing) {
		return false
	}
	texts := &c.texts[0]
	if n.thing {
		texts = &c.texts[1]
	}
	tokens, ok := texts.Get(s)
	if !ok {
		c.tokenize(s, n)
		tokens = slices.Clone(c.text)
		texts.Put(strings.Clone(s), tokens)
	}
	c.keepAll(tokens)
	return false
}
