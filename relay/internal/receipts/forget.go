package receipts

import (
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

// Forget removes the receipts of a person, given by names as
// mapper.Fingerprints takes them, and says how many. Each file that held any is
// rewritten beside itself and takes its place.
func (l *Ledger) Forget(names ...string) (n int, err error) {
	if len(l.o.Secret) == 0 {
		return 0, errNoSecret
	}
	gone := mapper.Fingerprints(l.o.Secret, names...)
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.show()
	if l.closed {
		return 0, ErrClosed
	}
	for i := range l.files {
		k, err := l.forgetIn(&l.files[i], i == len(l.files)-1, gone)
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (l *Ledger) forgetIn(f *file, last bool, gone []string) (n int, err error) {
	fresh := []byte(magic)
	err = scan(l.dir, *f, l.codec, func(raw []byte, _ int64) error {
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil // written by nobody we know: it goes
		}
		before := len(e.Items)
		e.Items = slices.DeleteFunc(e.Items, func(it line) bool {
			return slices.ContainsFunc(it.People, func(p string) bool { return slices.Contains(gone, p) })
		})
		n += before - len(e.Items)
		if len(e.Items) == 0 {
			return nil
		}
		var err error
		fresh, err = l.codec.record(fresh, &e, f.n, int64(len(fresh)))
		return err
	})
	if err != nil || n == 0 {
		return 0, err
	}
	path := l.path(f.n)
	if err := disk.WriteFile(path, 0o600, fresh); err != nil {
		return 0, fmt.Errorf("rewrite receipts: %w", err)
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
