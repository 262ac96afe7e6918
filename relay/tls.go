package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/localca"
)

func newTLSCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "tls",
		Short:   "Make certificates for clients that require https",
		Example: "  relay tls init --help",
		Args:    cli.NoArgs,
	}
	c.AddCommand(newTLSInitCommand())
	return c
}

func newTLSInitCommand() *cobra.Command {
	var dir string
	var hosts []string
	var days int
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a local certificate authority and a certificate for relay, and explain how clients trust it",
		Long: `Makes a certificate authority for this shop (ca.pem, ca.key) and a certificate for relay
signed by it (relay.pem, relay.key) in --dir. The authority can sign only for the given
hosts, so trusting it is a small risk.

Run again, the command keeps the authority and makes a new certificate: clients need no
change, and a running relay loads the new files by itself. For other hosts, delete ca.pem
and ca.key first, then make the clients trust the new authority.`,
		Example: `  relay tls init
  relay tls init --dir /etc/relay/tls --host localhost,127.0.0.1,relay.shop.example`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if days < 1 {
				return exit.Usage(fmt.Errorf("--days %d: expected at least 1", days))
			}
			made, err := localca.Make(localca.Options{Dir: dir, Hosts: hosts, Life: time.Duration(days) * 24 * time.Hour})
			if err != nil {
				return fmt.Errorf("make certificates: %w", err)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), tlsWords(made))
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "tls", "directory for the files")
	c.Flags().StringSliceVar(&hosts, "host", []string{"localhost", "127.0.0.1", "::1"}, "names and addresses under which clients call relay")
	c.Flags().IntVar(&days, "days", 820, "how long the certificate is valid; Apple's systems accept at most 825")
	_ = c.MarkFlagDirname("dir")
	return c
}

// tlsWords returns what was made and how to use it.
func tlsWords(m localca.Made) string {
	abs := func(name string) string {
		if p, err := filepath.Abs(filepath.Join(m.Dir, name)); err == nil {
			return p
		}
		return filepath.Join(m.Dir, name)
	}
	ca, what := abs(localca.CAFile), "made"
	if m.KeptCA {
		what = "kept"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "certificate authority %s: %s, valid until %s\n", what, ca, m.CAUntil.Format(time.DateOnly))
	fmt.Fprintf(&b, "certificate made:        %s, for %s, valid until %s\n", abs(localca.CertFile), strings.Join(m.Hosts, ", "), m.Until.Format(time.DateOnly))
	fmt.Fprintf(&b, "\nIn relay.yaml:\n\n  tls:\n    cert: %s\n    key: %s\n", abs(localca.CertFile), abs(localca.KeyFile))
	fmt.Fprintf(&b, "\nrelay's user must be able to read both files; only the owner can read relay.key.\n")
	fmt.Fprintf(&b, "\nMake the clients trust it (use the line for your client):\n\n")
	for _, l := range [][2]string{
		{"curl", "curl --cacert " + ca + " https://localhost:8585/v1/track …"},
		{"Debian, Ubuntu", "cp " + ca + " /usr/local/share/ca-certificates/relay.crt && update-ca-certificates"},
		{"Fedora, RHEL", "cp " + ca + " /etc/pki/ca-trust/source/anchors/relay.pem && update-ca-trust"},
		{"macOS", "security add-trusted-cert -d -k /Library/Keychains/System.keychain " + ca},
		{"Windows", "certutil -addstore Root ca.pem"},
		{"PHP", "php.ini: curl.cainfo and openssl.cafile; or the system's store (Debian's PHP uses it)"},
		{"Ruby", "SSL_CERT_FILE=" + ca},
		{"Python", "REQUESTS_CA_BUNDLE=" + ca},
		{"Node", "NODE_EXTRA_CA_CERTS=" + ca},
		{"Go", "SSL_CERT_FILE=" + ca},
		{"Java, Kotlin", "keytool -importcert -cacerts -noprompt -storepass changeit -alias relay -file " + ca},
		{"C# (.NET)", "the system's store, as above"},
		{"Android, iOS", "Settings: install ca.pem as a CA certificate; on iOS also enable full trust for it"},
	} {
		fmt.Fprintf(&b, "  %-15s %s\n", l[0], l[1])
	}
	fmt.Fprintf(&b, "\nKeep %s secret: anyone who has it can impersonate relay to those clients. It is not needed\nuntil %s, when this command makes the next certificate.\n", abs(localca.CAKeyFile), m.Until.Format(time.DateOnly))
	return b.String()
}
