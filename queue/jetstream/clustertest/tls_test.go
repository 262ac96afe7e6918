package clustertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"relay/queue"
	"relay/queue/jetstream"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string // its own certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, file: filepath.Join(t.TempDir(), "ca.crt")}
	der, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "example authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.write(a.file, "CERTIFICATE", der)
	return a
}

func (a *authority) sign(c *x509.Certificate, parent *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	by := a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

func (a *authority) write(file, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// pair returns the files of a certificate and its key.
func (a *authority) pair(name string) (cert, key string) {
	a.t.Helper()
	der, k := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert)
	text, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	cert, key = filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	a.write(cert, "CERTIFICATE", der)
	a.write(key, "PRIVATE KEY", text)
	return cert, key
}

// operator creates accounts and users for servers that use JWTs.
type operator struct {
	t       *testing.T
	key     nkeys.KeyPair
	claims  *jwt.OperatorClaims
	account nkeys.KeyPair
	mem     *server.MemAccResolver
	system  string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	op := &operator{t: t, mem: &server.MemAccResolver{}}
	op.key, _ = nkeys.CreateOperator()
	op.claims = jwt.NewOperatorClaims(public(t, op.key))
	sys, _ := nkeys.CreateAccount()
	op.account, _ = nkeys.CreateAccount()
	op.system = public(t, sys)
	for _, k := range []nkeys.KeyPair{sys, op.account} {
		c := jwt.NewAccountClaims(public(t, k))
		if k == op.account {
			c.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := c.Encode(op.key)
		if err == nil {
			err = op.mem.Store(public(t, k), text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return op
}

func public(t *testing.T, k nkeys.KeyPair) string {
	t.Helper()
	s, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// creds returns the .creds file of a user, modified by change.
func (op *operator) creds(change func(c *jwt.UserClaims), by nkeys.KeyPair) string {
	op.t.Helper()
	user, _ := nkeys.CreateUser()
	c := jwt.NewUserClaims(public(op.t, user))
	change(c)
	text, err := c.Encode(by)
	if err != nil {
		op.t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		op.t.Fatal(err)
	}
	out, err := jwt.FormatUserConfig(text, seed)
	if err != nil {
		op.t.Fatal(err)
	}
	file := filepath.Join(op.t.TempDir(), "relay.creds")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		op.t.Fatal(err)
	}
	return file
}

// The servers require TLS and a user with a key. Each mistake is reported in one line, with what to
// set, and is not retried for long.
func TestTLSAndCredentials(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.pair("server")
	clientCert, clientKey := ca.pair("client")
	op := newOperator(t)
	c := startOne(t, func(o *server.Options) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(ca.cert)
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
		o.TLS, o.TLSTimeout = true, 5
		o.TrustedOperators, o.AccountResolver, o.SystemAccount = []*jwt.OperatorClaims{op.claims}, op.mem, op.system
	})
	url := strings.Replace(c.urls[0], "nats://", "tls://", 1)
	right := op.creds(func(*jwt.UserClaims) {}, op.account)
	stranger, _ := nkeys.CreateAccount()
	o := jetstream.Options{
		URLs: []string{url}, Monitor: c.monitor, Name: "tls", MaxSize: 48 << 20, DeadMaxSize: 8 << 20, Replicas: 1, AcceptLoss: true,
		Credentials: right, CAFile: ca.file, CertFile: clientCert, KeyFile: clientKey,
	}
	broken := filepath.Join(t.TempDir(), "broken.creds")
	if err := os.WriteFile(broken, []byte("nothing of the kind\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name   string
		change func(o *jetstream.Options)
		want   string
	}{
		{"another authority", func(o *jetstream.Options) { o.CAFile = other.file }, "ca_file"},
		{"no authority", func(o *jetstream.Options) { o.CAFile = "" }, "ca_file"},
		{"no certificate of the client", func(o *jetstream.Options) { o.CertFile, o.KeyFile = "", "" }, "set cert and key"},
		{"a missing authority file", func(o *jetstream.Options) { o.CAFile = "/nowhere/ca.crt" }, "/nowhere/ca.crt"},
		{"no credentials", func(o *jetstream.Options) { o.Credentials = "" }, "refuses the credentials"},
		{"credentials of a stranger", func(o *jetstream.Options) {
			o.Credentials = op.creds(func(*jwt.UserClaims) {}, stranger)
		}, "refuses the credentials"},
		{"credentials that have expired", func(o *jetstream.Options) {
			o.Credentials = op.creds(func(c *jwt.UserClaims) { c.Expires = time.Now().Add(-time.Minute).Unix() }, op.account)
		}, "refuses the credentials"},
		{"a missing credentials file", func(o *jetstream.Options) { o.Credentials = "/nowhere/relay.creds" }, "/nowhere/relay.creds"},
		{"a file that is not credentials", func(o *jetstream.Options) { o.Credentials = broken }, broken},
	} {
		t.Run(bad.name, func(t *testing.T) {
			o := o
			bad.change(&o)
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			l, err := jetstream.Open(ctx, o)
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, jetstream.ErrSetup) || !strings.Contains(err.Error(), bad.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want it to contain %q", err, bad.want)
			}
		})
	}
	t.Run("a user that may not use JetStream", func(t *testing.T) {
		o := o
		o.Credentials = op.creds(func(c *jwt.UserClaims) { c.Pub.Allow.Add("nothing") }, op.account)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		l, err := jetstream.Open(ctx, o)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "lacks permissions") {
			t.Errorf("%v", err)
		}
	})
	l, err := openLog(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 10 {
		if _, err := l.Append(t.Context(), []queue.Entry{{ID: fmt.Sprint("e", i), Lanes: []string{"a"}, Received: time.Now(), Body: []byte(`{}`)}}); err != nil {
			t.Fatal(err)
		}
	}
	if ids, _ := waiting(t, l); len(ids) != 10 {
		t.Errorf("%v are pending", ids)
	}
}
