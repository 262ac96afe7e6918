package receipts

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"relay/internal/disk"
	"relay/internal/seal"
)

// errNoSecret: without the secret the owner of a receipt cannot be determined.
var errNoSecret = errors.New("forget receipts: the installation's secret is missing")

// Forgotten is the result of Forget.
type Forgotten struct {
	Removed    int // receipts of the person
	Unsearched int // receipts fingerprinted with another secret: they could be the person's
	Keyless    int // requests whose key is missing: they could hold the person's receipts
}

// Person selects the receipts that Forget removes: those that match any of its fields.
type Person struct {
	Fingerprints func(secret []byte) []string // of match keys, as in mapper.Outcome.People, and of ids, as people.KeyedID returns them
	Tokens       func() []string              // tokens of the person's events, as Options.Tokens returns them; nil: none
	ID           func(string) bool            // reports whether a messageId or order id is the person's
	Dry          bool                         // only count
}

// Forget removes the receipts of a person. Each file that holds any is rewritten beside
// itself and then replaced.
func (l *Ledger) Forget(p Person) (n Forgotten, err error) {
	if len(l.o.Secret) == 0 {
		return n, errNoSecret
	}
	people := p.Fingerprints(l.o.Secret)
	hasher := newTokenHasher(l.o.Secret)
	tokens := make(map[tokenHash]bool)
	if p.Tokens != nil {
		for _, t := range p.Tokens() {
			tokens[hasher.hash(t)] = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.publishStats()
	if l.closed {
		return n, errClosed
	}
	for i := range l.files {
		k, err := l.forgetIn(&l.files[i], i == len(l.files)-1, p, people, tokens)
		n.Removed, n.Unsearched, n.Keyless = n.Removed+k.Removed, n.Unsearched+k.Unsearched, n.Keyless+k.Keyless
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// forgetIn rewrites a file without the receipts of a person and without damaged records,
// which could be the person's. Every other record keeps its place: it is bound to it, and
// its key may be missing.
func (l *Ledger) forgetIn(f *file, last bool, who Person, people []string, tokens map[tokenHash]bool) (n Forgotten, err error) {
	path := l.path(f.n)
	b, err := disk.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) < len(magic) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("read receipts: %w", err)
	}
	// A file with a damaged beginning can hold the person's receipts as well as any other.
	changed := string(b[:len(magic)]) != magic
	copy(b, magic)
	fresh, unread := bytes.Clone(b), Unread{}
	var moved []entry
	if err := l.codec.walk(b, f.n, func(p piece) error {
		place := fresh[p.at : p.at+int64(len(p.b))]
		unread.count(p)
		var e entry
		switch {
		case errors.Is(p.err, seal.ErrKey), p.err == nil && p.raw == nil:
			return nil
		case p.err != nil, json.Unmarshal(p.raw, &e) != nil: // not written by relay
			fill(place, f.n, p.at)
			changed = true
			return nil
		}
		n.Unsearched += e.unsearchable(l.tag)
		before := len(e.Items)
		e.Items = slices.DeleteFunc(e.Items, func(it item) bool {
			return slices.ContainsFunc(it.People, func(p string) bool { return slices.Contains(people, p) }) ||
				containsAny(it.Tokens, tokens) || slices.Contains(people, it.OrderID) || who.ID(it.MessageID) || who.ID(it.OrderID)
		})
		if len(e.Items) == before {
			return nil
		}
		n.Removed += before - len(e.Items)
		changed = true
		var less []byte
		if len(e.Items) > 0 {
			if less, err = l.codec.record(nil, &e, f.n, p.at); err != nil {
				return err
			}
			if len(less) > len(place) { // it no longer fits in its place
				moved, less = append(moved, e), nil
			}
		}
		copy(place, less)
		fill(place[len(less):], f.n, p.at+int64(len(less)))
		return nil
	}); err != nil {
		return n, err
	}
	l.logUnread(unread)
	n.Keyless = unread.Sealed
	if !changed || who.Dry {
		return n, nil
	}
	for i := range moved {
		if fresh, err = l.codec.record(fresh, &moved[i], f.n, int64(len(fresh))); err != nil {
			return Forgotten{Unsearched: n.Unsearched, Keyless: n.Keyless}, err
		}
	}
	if err := disk.WriteFile(path, 0o600, fresh); err != nil {
		return Forgotten{Unsearched: n.Unsearched, Keyless: n.Keyless}, fmt.Errorf("rewrite receipts: %w", err)
	}
	f.size = int64(len(fresh))
	if last && l.out != nil {
		l.out.Close()
		if l.out, err = disk.OpenOwn(path, os.O_WRONLY, 0o600); err != nil {
			l.out = nil
			return n, fmt.Errorf("open receipts: %w", err)
		}
	}
	return n, nil
}

// tagOf identifies a secret without revealing it.
func tagOf(secret []byte) string {
	if len(secret) == 0 {
		return ""
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("relay receipts"))
	return hex.EncodeToString(m.Sum(nil)[:4])
}

// unsearchable returns how many receipts of e have fingerprints made with a secret other
// than the one with this tag.
func (e *entry) unsearchable(tag string) (n int) {
	if e.Secret == tag {
		return 0
	}
	for _, it := range e.Items {
		if len(it.People) > 0 || it.Tokens != "" {
			n++
		}
	}
	return n
}

// Unsearched returns how many receipts in dir were fingerprinted with another secret. Another
// process can have dir open.
func Unsearched(dir string, secret []byte, keys ...[]byte) (n int, err error) {
	c, err := newCodec(nil, keys)
	if err != nil {
		return 0, err
	}
	defer c.close()
	files, err := list(dir)
	if err != nil {
		return 0, err
	}
	tag := tagOf(secret)
	for _, f := range files {
		_, err := scan(dir, f, c, func(raw []byte) error {
			var e entry
			if json.Unmarshal(raw, &e) == nil {
				n += e.unsearchable(tag)
			}
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
