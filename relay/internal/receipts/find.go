package receipts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/mapper/people"
)

// Find returns the receipts of an order id or a messageId, newest first. An order id that
// was sent as its keyed hash is found by the id the till uses.
func (l *Ledger) Find(id string) ([]Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	out, unread, err := find(l.dir, l.files, l.codec, id, l.o.Secret)
	l.logUnread(unread)
	return out, err
}

// Find is Ledger.Find for a directory that no process has open. secret can be nil.
func Find(dir, id string, secret []byte, keys ...[]byte) ([]Receipt, error) {
	c, err := newCodec(nil, keys)
	if err != nil {
		return nil, err
	}
	defer c.close()
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	out, _, err := find(dir, files, c, id, secret)
	return out, err
}

func find(dir string, files []file, c *codec, id string, secret []byte) (out []Receipt, unread Unread, err error) {
	if id == "" {
		return nil, unread, nil
	}
	quoted, _ := jsontext.AppendQuote(nil, id) // as entry.append writes it; an error means invalid UTF-8, which AppendQuote replaces
	keyed := people.KeyedID(secret, id)
	for _, f := range slices.Backward(files) {
		var of []Receipt
		u, err := scan(dir, f, c, func(raw []byte) error {
			if !bytes.Contains(raw, quoted) && !bytes.Contains(raw, []byte(keyed)) {
				return nil
			}
			var e entry
			if json.Unmarshal(raw, &e) != nil {
				return nil
			}
			for _, it := range e.Items {
				if it.MessageID == id || it.OrderID == id || it.OrderID == keyed {
					of = append(of, e.receipt(it))
				}
			}
			return nil
		})
		if err != nil {
			return out, unread, err
		}
		unread.add(u)
		slices.Reverse(of)
		out = append(out, of...)
	}
	if len(out) == 0 && unread.Sealed > 0 { // id could be in one of those
		return nil, unread, fmt.Errorf("find receipts: %d requests: %w", unread.Sealed, seal.ErrKey)
	}
	return out, unread, nil
}

// Unread counts the parts of a ledger that cannot be read.
type Unread struct {
	Damaged int // damaged places
	Sealed  int // requests whose key is missing
}

func (u *Unread) add(o Unread) { u.Damaged, u.Sealed = u.Damaged+o.Damaged, u.Sealed+o.Sealed }

// count counts p if it cannot be read.
func (u *Unread) count(p piece) {
	switch {
	case errors.Is(p.err, seal.ErrKey):
		u.Sealed++
	case p.err != nil:
		u.Damaged++
	}
}

// scan calls fn for each readable record of a file and counts the unreadable ones.
func scan(dir string, f file, c *codec, fn func(raw []byte) error) (u Unread, err error) {
	b, err := disk.ReadFile(path(dir, f.n), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	if err != nil {
		return u, fmt.Errorf("read receipts: %w", err)
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		return u, nil
	}
	err = c.walk(b, f.n, func(p piece) error {
		if p.err != nil || p.raw == nil {
			u.count(p)
			return nil
		}
		return fn(p.raw)
	})
	return u, err
}
