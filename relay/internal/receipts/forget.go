package receipts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"relay/internal/disk"
	"relay/mapper"
)

// errNoSecret says that nobody can tell whose receipts these are.
var errNoSecret = errors.New("forget receipts: the secret of the installation is not given")

// Forgotten says what Forget did.
type Forgotten struct {
	Removed    int // receipts of the person
	Unsearched int // receipts that were fingerprinted with another secret: they may be the person's
}

// Forget removes the receipts of a person, given by names as
// mapper.Fingerprints takes them. Each file that held any is rewritten beside
// itself and takes its place.
func (l *Ledger) Forget(names ...string) (n Forgotten, err error) {
	if len(l.o.Secret) == 0 {
		return n, errNoSecret
	}
	gone := mapper.Fingerprints(l.o.Secret, names...)
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.show()
	if l.closed {
		return n, ErrClosed
	}
	for i := range l.files {
		k, err := l.forgetIn(&l.files[i], i == len(l.files)-1, gone)
		n.Removed, n.Unsearched = n.Removed+k.Removed, n.Unsearched+k.Unsearched
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (l *Ledger) forgetIn(f *file, last bool, gone []string) (n Forgotten, err error) {
	fresh := []byte(magic)
	err = scan(l.dir, *f, l.codec, func(raw []byte, _ int64) error {
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil // written by nobody we know: it goes
		}
		n.Unsearched += e.unreadable(l.tag)
		before := len(e.Items)
		e.Items = slices.DeleteFunc(e.Items, func(it line) bool {
			return slices.ContainsFunc(it.People, func(p string) bool { return slices.Contains(gone, p) })
		})
		n.Removed += before - len(e.Items)
		if len(e.Items) == 0 {
			return nil
		}
		var err error
		fresh, err = l.codec.record(fresh, &e, f.n, int64(len(fresh)))
		return err
	})
	if err != nil || n.Removed == 0 {
		return Forgotten{Unsearched: n.Unsearched}, err
	}
	path := l.path(f.n)
	if err := disk.WriteFile(path, 0o600, fresh); err != nil {
		return Forgotten{Unsearched: n.Unsearched}, fmt.Errorf("rewrite receipts: %w", err)
	}
	f.size = int64(len(fresh))
	if last && l.out != nil {
		l.out.Close()
		if l.out, err = os.OpenFile(path, os.O_WRONLY, 0o600); err != nil {
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
		if len(it.People) > 0 {
			n++
		}
	}
	return n
}

// Unsearched is how many receipts in dir were fingerprinted with another secret,
// for a directory that another process may have open.
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
		err := scan(dir, f, c, func(raw []byte, _ int64) error {
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
