package ingest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// Key is a write key. With Events it can send only track calls of those names. With Store
// another relay can forward the events of that store.
type Key struct {
	Key    string
	Sum    []byte // SHA-256 of the key, instead of Key
	Store  string
	Events []string
}

// keyring compares write keys in constant time: it compares digests, and always all of them.
type keyring struct {
	sums   [][sha256.Size]byte
	grants []*grant
}

// grant is what a key is allowed to do. A nil events allows every event.
type grant struct {
	events map[string]bool
	store  string
}

func (g *grant) allows(event []byte) bool {
	return g == nil || g.events == nil || g.events[string(event)]
}

func newKeyring(keys []Key) (*keyring, error) {
	r := &keyring{}
	for _, k := range keys {
		sum := sha256.Sum256([]byte(k.Key))
		switch {
		case len(k.Sum) == len(sum):
			sum = [sha256.Size]byte(k.Sum)
		case strings.TrimSpace(k.Key) == "":
			return nil, errors.New("a write key is empty")
		}
		g := &grant{store: k.Store}
		if len(k.Events) > 0 {
			g.events = make(map[string]bool, len(k.Events))
			for _, e := range k.Events {
				g.events[e] = true
			}
		}
		r.sums = append(r.sums, sum)
		r.grants = append(r.grants, g)
	}
	return r, nil
}

func (r *keyring) required() bool { return len(r.sums) > 0 }

// find returns what the key is allowed to do, or nil for an unknown key.
func (r *keyring) find(key []byte) *grant {
	sum := sha256.Sum256(key)
	var found *grant
	for i := range r.sums {
		if subtle.ConstantTimeCompare(sum[:], r.sums[i][:]) == 1 && found == nil {
			found = r.grants[i]
		}
	}
	return found
}

// fromHeader looks for a known key in the Authorization header: Basic with the key as user,
// with or without the colon, or Bearer.
func (r *keyring) fromHeader(h http.Header) *grant {
	scheme, rest, ok := strings.Cut(h.Get("Authorization"), " ")
	if !ok {
		return nil
	}
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return r.find([]byte(rest))
	case strings.EqualFold(scheme, "Basic"):
		user, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			if user, err = base64.RawStdEncoding.DecodeString(rest); err != nil {
				return nil
			}
		}
		return r.findUser(user)
	}
	return nil
}

// findUser looks for a known key in the content of Basic: all of it, then the part before the
// last colon (a key can contain colons, and clients append one), then the part before the first
// (a password can contain some). That is three tries however many colons there are.
func (r *keyring) findUser(user []byte) *grant {
	ends := [...]int{len(user), bytes.LastIndexByte(user, ':'), bytes.IndexByte(user, ':')}
	for _, end := range ends {
		if end < 0 {
			return nil
		}
		if g := r.find(user[:end]); g != nil {
			return g
		}
	}
	return nil
}
