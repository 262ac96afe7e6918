// Package certificate serves a TLS key pair from two files that may be replaced at any time: a
// renewed certificate is used within seconds, and an unusable one changes nothing.
package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
)

const (
	certStat   = time.Second      // how often a handshake checks the files' dates
	certReread = 30 * time.Second // how often it reads their content, whatever the dates
)

// Certificate is a key pair in two files that may be replaced at any time.
type Certificate struct {
	of                string // name of the listener, for the log
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	current atomic.Pointer[tls.Certificate]

	mu               sync.Mutex // held by the one handshake that checks; the others do not wait
	looked, read     time.Time
	certInfo, keyNow fs.FileInfo
	sum              [sha256.Size]byte // of both files as last read, usable or not
}

// Load reads both files. of is the name of the listener in the log.
func Load(certFile, keyFile, of string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{of: of, certFile: certFile, keyFile: keyFile, log: log, now: time.Now}
	if _, err := c.reload(); err != nil {
		return nil, err
	}
	c.looked, c.read = c.now(), c.now()
	return c, nil
}

// Get is tls.Config.GetCertificate. If a pair cannot be loaded, such as a new certificate whose key
// is not there yet, the old one remains in use and the error is logged once.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.mu.TryLock() {
		defer c.mu.Unlock()
		if now := c.now(); now.Sub(c.looked) >= certStat {
			c.looked = now
			if now.Sub(c.read) >= certReread || c.changed() {
				c.read = now
				switch changed, err := c.reload(); {
				case err != nil && changed:
					c.log.Warn("new certificate not usable, keeping the old one", "code", logs.CertificateRefused, "listener", c.of, "err", err)
				case err == nil && changed:
					c.log.Info("certificate loaded", "code", logs.CertificateLoaded, "listener", c.of, "not_after", c.current.Load().Leaf.NotAfter)
				}
			}
		}
	}
	return c.current.Load(), nil
}

// Config returns the settings of a listener for HTTP/1.1 over TLS 1.2 or newer.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.Get, NextProtos: []string{"http/1.1"}}
}

// Expires returns when the certificate in use expires.
func (c *Certificate) Expires() time.Time {
	pair, err := c.Get(nil) // also loads a new one
	if err != nil || pair.Leaf == nil {
		return time.Time{}
	}
	return pair.Leaf.NotAfter
}

// Leaf returns the certificate in use.
func (c *Certificate) Leaf() *x509.Certificate { return c.current.Load().Leaf }

// changed reports whether a stat shows that a file changed.
func (c *Certificate) changed() bool {
	same := func(file string, old fs.FileInfo) bool {
		fi, err := os.Stat(file)
		return err == nil && old != nil && os.SameFile(fi, old) && fi.ModTime().Equal(old.ModTime()) && fi.Size() == old.Size()
	}
	return !same(c.certFile, c.certInfo) || !same(c.keyFile, c.keyNow)
}

// reload reads both files and starts using the pair. changed reports whether their content differs
// from the last read.
func (c *Certificate) reload() (changed bool, err error) {
	// Dates before contents: a change in between is found next time.
	certInfo, err1 := os.Stat(c.certFile)
	keyInfo, err2 := os.Stat(c.keyFile)
	if err1 == nil && err2 == nil {
		c.certInfo, c.keyNow = certInfo, keyInfo
	}
	cert, err := disk.ReadFile(c.certFile, maxPEM)
	if err != nil {
		return c.note(nil, nil), fmt.Errorf("read certificate: %w", err)
	}
	key, err := disk.ReadFile(c.keyFile, maxPEM)
	if err != nil {
		return c.note(cert, nil), fmt.Errorf("read key of certificate: %w", err)
	}
	if !c.note(cert, key) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return true, fmt.Errorf("load certificate %s: %w", c.certFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}

// note stores a digest of what was read and reports whether it is new.
func (c *Certificate) note(cert, key []byte) bool {
	h := sha256.New()
	a, b := sha256.Sum256(cert), sha256.Sum256(key)
	h.Write(a[:])
	h.Write(b[:])
	sum := [sha256.Size]byte(h.Sum(nil))
	if sum == c.sum {
		return false
	}
	c.sum = sum
	return true
}
