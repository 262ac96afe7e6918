package receipts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"relay/internal/seal"
	"relay/mapper"
)

// Find returns the receipts of an order id or a messageId, the newest first. An
// order id that was sent as its keyed hash is found by what the till calls it.
func (l *Ledger) Find(id string) ([]Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	return find(l.dir, l.files, l.codec, id, l.o.Secret)
}

// Find is Ledger.Find on a directory that no process has open. secret may be nil.
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
	return find(dir, files, c, id, secret)
}

func find(dir string, files []file, c *codec, id string, secret []byte) (out []Receipt, err error) {
	if id == "" {
		return nil, nil
	}
	quoted, _ := jsontext.AppendQuote(nil, id) // as entry.append writes it; an error is invalid UTF-8, which it mends
	keyed := mapper.KeyedID(secret, id)
	for _, f := range slices.Backward(files) {
		var of []Receipt
		err := scan(dir, f, c, func(raw []byte, _ int64) error {
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
			return out, err
		}
		slices.Reverse(of)
		out = append(out, of...)
	}
	return out, nil
}

// scan calls fn for each readable record of a file. Damaged ones are passed
// over; when the way to the next one is lost, the file ends there.
func scan(dir string, f file, c *codec, fn func(raw []byte, offset int64) error) error {
	b, err := os.ReadFile(path(dir, f.n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		return nil
	}
	for at := int64(len(magic)); at < int64(len(b)); {
		raw, n, err := c.payload(b[at:], f.n, at)
		switch {
		case errors.Is(err, seal.ErrKey):
			return err
		case n == 0:
			return nil
		case err == nil:
			if err := fn(raw, at); err != nil {
				return err
			}
		}
		at += int64(n)
	}
	return nil
}
