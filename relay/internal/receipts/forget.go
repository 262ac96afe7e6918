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

// errNoSecret says that nobody can tell whose receipts these are.
var errNoSecret = errors.New("forget receipts: the secret of the installation is not given")

// Forgotten says what Forget did.
type Forgotten struct {
	Removed    int // receipts of the person
	Unsearched int // receipts that were fingerprinted with another secret: they may be the person's
	Keyless    int // requests whose key is not given, and so are theirs
}

// Gone says whose receipts Forget removes.
type Gone struct {
	People func(secret []byte) []string // their fingerprints, as mapper.Outcome.People has them, and ids as mapper.KeyedID
	Tokens func() []string              // what they are found by in events, as Options.Tokens has it; nil: nothing
	ID     func(string) bool            // by messageId and order number
	Dry    bool                         // only count
}

// Forget removes the receipts of a person. Each file that held any is rewritten beside
// itself and takes its place.
func (l *Ledger) Forget(g Gone) (n Forgotten, err error) {
	if len(l.o.Secret) == 0 {
		return n, errNoSecret
	}
	people := g.People(l.o.Secret)
	printer := newPrinter(l.o.Secret)
	tokens := make(map[mark]bool)
	if g.Tokens != nil {
		for _, t := range g.Tokens() {
			tokens[printer.of(t)] = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.show()
	if l.closed {
		return n, errClosed
	}
	for i := range l.files {
		k, err := l.forgetIn(&l.files[i], i == len(l.files)-1, g, people, tokens)
		n.Removed, n.Unsearched, n.Keyless = n.Removed+k.Removed, n.Unsearched+k.Unsearched, n.Keyless+k.Keyless
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// forgetIn rewrites a file without the receipts of a person, and without what is
// damaged: it may be theirs. All else stays where it is: its place is bound to it, and
// its key may not be given.
func (l *Ledger) forgetIn(f *file, last bool, g Gone, people []string, tokens map[mark]bool) (n Forgotten, err error) {
	path := l.path(f.n)
	b, err := disk.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) < len(magic) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("read receipts: %w", err)
	}
	// A file of which the beginning is damaged may hold theirs as well as any other.
	changed := string(b[:len(magic)]) != magic
	copy(b, magic)
	fresh, unread := bytes.Clone(b), Unread{}
	var moved []entry
	if err := l.codec.walk(b, f.n, func(p piece) error {
		place := fresh[p.at : p.at+int64(len(p.b))]
		unread.note(p)
		var e entry
		switch {
		case errors.Is(p.err, seal.ErrKey), p.err == nil && p.raw == nil:
			return nil
		case p.err != nil, json.Unmarshal(p.raw, &e) != nil: // written by nobody we know
			blank(place, f.n, p.at)
			changed = true
			return nil
		}
		n.Unsearched += e.unreadable(l.tag)
		before := len(e.Items)
		e.Items = slices.DeleteFunc(e.Items, func(it line) bool {
			return slices.ContainsFunc(it.People, func(p string) bool { return slices.Contains(people, p) }) ||
				holds(it.Tokens, tokens) || slices.Contains(people, it.OrderID) || g.ID(it.MessageID) || g.ID(it.OrderID)
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
			if len(less) > len(place) { // it does not go into its place
				moved, less = append(moved, e), nil
			}
		}
		copy(place, less)
		blank(place[len(less):], f.n, p.at+int64(len(less)))
		return nil
	}); err != nil {
		return n, err
	}
	l.tell(unread)
	n.Keyless = unread.Sealed
	if !changed || g.Dry {
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

// tagOf names a secret without being one.
func tagOf(secret []byte) string {
	if len(secret) == 0 {
		return ""
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("relay receipts"))
	return hex.EncodeToString(m.Sum(nil)[:4])
}

// unreadable is how many receipts of e have fingerprints that were not made with
// the secret of that tag.
func (e *entry) unreadable(tag string) (n int) {
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

// Unsearched is how many receipts in dir were fingerprinted with another secret, for a directory that another process may have open.
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
				n += e.unreadable(tag)
			}
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
