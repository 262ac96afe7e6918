package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"relay/internal/disk"
)

// maxPEM is the maximum size of a file with certificates or a key.
const maxPEM = 4 << 20

// Read reads a key pair once.
func Read(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := disk.ReadFile(certFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := disk.ReadFile(keyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// Roots returns this machine's certificate authorities and those in a file.
func Roots(file string) (*x509.CertPool, error) {
	pem, err := disk.ReadFile(file, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("read graph.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read graph.ca_file: no PEM certificate in %s", file)
	}
	return pool, nil
}
