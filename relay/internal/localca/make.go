package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relay/internal/disk"
)

// Names of the files.
const (
	CAFile    = "ca.pem"
	CAKeyFile = "ca.key"
	CertFile  = "relay.pem"
	KeyFile   = "relay.key"
)

const maxPEM = 1 << 20 // bytes of a file

const caLife = 10 * 365 * 24 * time.Hour

// Options say what to make.
type Options struct {
	Dir   string
	Hosts []string // names and IP addresses
	Life  time.Duration
	Now   func() time.Time // default: time.Now
}

// Made is the result of Make.
type Made struct {
	Dir     string
	Hosts   []string
	KeptCA  bool
	CAUntil time.Time
	Until   time.Time
}

// authority is a certificate that signs, and its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Make makes a certificate, and an authority if there is none.
func Make(o Options) (Made, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	hosts, err := clean(o.Hosts)
	if err != nil {
		return Made{}, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Made{}, err
	}
	if err := disk.Clean(o.Dir); err != nil { // a crash might have left a key
		return Made{}, err
	}
	ca, err := load(o.Dir)
	kept := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = newAuthority(o.Dir, hosts, o.Now())
	}
	if err != nil {
		return Made{}, err
	}
	if err := ca.covers(hosts); err != nil {
		return Made{}, err
	}
	until, err := ca.issue(o.Dir, hosts, o.Now(), o.Life)
	if err != nil {
		return Made{}, err
	}
	return Made{Dir: o.Dir, Hosts: hosts, KeptCA: kept, CAUntil: ca.cert.NotAfter, Until: until}, nil
}

// clean normalizes and validates hosts, and removes duplicates.
func clean(hosts []string) ([]string, error) {
	var out []string
	for _, h := range hosts {
		h = strings.ToLower(strings.Trim(strings.TrimSpace(h), "[]"))
		if ip := net.ParseIP(h); ip != nil {
			h = ip.String()
		} else if h == "" || strings.ContainsAny(h, "/:* \t@") || strings.HasPrefix(h, ".") {
			return nil, fmt.Errorf("%q is not a host name or IP address", h)
		}
		if !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no host given")
	}
	return out, nil
}

func split(hosts []string) (names []string, ips []net.IP) {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			if v4 := ip.To4(); v4 != nil {
				ip = v4
			}
			ips = append(ips, ip)
		} else {
			names = append(names, h)
		}
	}
	return names, ips
}

// load reads the existing authority. It returns fs.ErrNotExist if neither of its files
// exists.
func load(dir string) (*authority, error) {
	cert, err1 := disk.ReadFile(filepath.Join(dir, CAFile), maxPEM)
	key, err2 := disk.ReadFile(filepath.Join(dir, CAKeyFile), maxPEM)
	switch {
	case errors.Is(err1, fs.ErrNotExist) && errors.Is(err2, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("%s and %s must both exist or both be missing: %s", CAFile, CAKeyFile, reason(err1, err2))
	}
	bc, _ := pem.Decode(cert)
	bk, _ := pem.Decode(key)
	if bc == nil || bk == nil {
		return nil, fmt.Errorf("%s or %s in %s is not a PEM file", CAFile, CAKeyFile, dir)
	}
	c, err := x509.ParseCertificate(bc.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", CAFile, err)
	}
	k, err := x509.ParsePKCS8PrivateKey(bk.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: not a PKCS #8 key", CAKeyFile)
	}
	ec, ok := k.(*ecdsa.PrivateKey)
	if !ok || !ec.PublicKey.Equal(c.PublicKey) || !c.IsCA {
		return nil, fmt.Errorf("%s and %s in %s do not match", CAFile, CAKeyFile, dir)
	}
	return &authority{cert: c, key: ec}, nil
}

// reason returns the text of the first error.
func reason(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			return err.Error()
		}
	}
	return ""
}

func serial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

// nowhere is a domain without names (RFC 6761). Permitting only it forbids a kind of name.
const nowhere = "relay.invalid"

// newAuthority makes and saves an authority for hosts.
func newAuthority(dir string, hosts []string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	n, err := serial()
	if err != nil {
		return nil, err
	}
	names, ips := split(hosts)
	t := &x509.Certificate{
		SerialNumber: n,
		Subject:      pkix.Name{CommonName: "relay local CA " + n.Text(36)[:6]},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		// Only for servers, not for signing code or mail or for clients.
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         names,
	}
	for _, ip := range ips {
		t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	// A kind of name without a constraint would be unrestricted.
	t.PermittedEmailAddresses, t.PermittedURIDomains = []string{nowhere}, []string{nowhere}
	if len(names) == 0 {
		t.PermittedDNSDomains = []string{nowhere}
	}
	if len(ips) == 0 {
		t.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(192, 0, 2, 1).To4(), Mask: net.CIDRMask(32, 32)}}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, save(dir, CAKeyFile, key, CAFile, der)
}

// covers returns an error unless the authority is limited to servers and permits hosts.
func (a *authority) covers(hosts []string) error {
	names, ips := split(hosts)
	if !slices.Equal(a.cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || len(a.cert.PermittedEmailAddresses) == 0 || len(a.cert.PermittedURIDomains) == 0 {
		return fmt.Errorf("the authority in %s can sign for more than servers: delete %s and %s, run the command again, and make the clients trust the new authority", CAFile, CAFile, CAKeyFile)
	}
	for _, n := range names {
		if !slices.ContainsFunc(a.cert.PermittedDNSDomains, func(d string) bool { return n == d || strings.HasSuffix(n, "."+d) }) {
			return fmt.Errorf("the authority in %s was not made for %s: delete %s and %s, run the command again, and make the clients trust the new authority", CAFile, n, CAFile, CAKeyFile)
		}
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(a.cert.PermittedIPRanges, func(r *net.IPNet) bool { return r.Contains(ip) }) {
			return fmt.Errorf("the authority in %s was not made for %s: delete %s and %s, run the command again, and make the clients trust the new authority", CAFile, ip, CAFile, CAKeyFile)
		}
	}
	return nil
}

// issue makes and saves relay's certificate.
func (a *authority) issue(dir string, hosts []string, now time.Time, life time.Duration) (time.Time, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return time.Time{}, err
	}
	n, err := serial()
	if err != nil {
		return time.Time{}, err
	}
	names, ips := split(hosts)
	until := now.Add(life)
	if until.After(a.cert.NotAfter) {
		until = a.cert.NotAfter
	}
	if !until.After(now) {
		return time.Time{}, fmt.Errorf("the authority in %s has expired: delete %s and %s, run the command again, and make the clients trust the new authority", CAFile, CAFile, CAKeyFile)
	}
	t := &x509.Certificate{
		SerialNumber: n,
		Subject:      pkix.Name{CommonName: hosts[0]},
		NotBefore:    now.Add(-time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names, IPAddresses: ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return time.Time{}, err
	}
	return until, save(dir, KeyFile, key, CertFile, der, a.cert.Raw)
}

// save writes a key, then its certificate chain.
func save(dir, keyName string, key *ecdsa.PrivateKey, certName string, ders ...[]byte) error {
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(filepath.Join(dir, keyName), 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})); err != nil {
		return err
	}
	var b []byte
	for _, der := range ders {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return disk.WriteFile(filepath.Join(dir, certName), 0o644, b)
}
