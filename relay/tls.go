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
		Short:   "Certificates for clients that speak only https",
		Example: "  relay tls init --help",
		Args:    cli.Args(cobra.NoArgs),
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
		Short: "Make a local certificate authority and a certificate for relay, and say how each client trusts it",
		Long: `Makes, in --dir, a certificate authority of this shop's own (ca.pem, ca.key) and a
certificate for relay signed by it (relay.pem, relay.key). The authority can vouch for
the given hosts and for nothing else, so that trusting it costs little.

Given again, it keeps the authority and makes a new certificate: clients need not be
told, and a running relay takes the new files by itself. To vouch for other hosts,
remove ca.pem and ca.key first and let the clients trust the new one.`,
		Example: `  relay tls init
  relay tls init --dir /etc/relay/tls --host localhost,127.0.0.1,relay.shop.example`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if days < 1 {
				return exit.Usage(fmt.Errorf("--days %d: want at least 1", days))
			}
			made, err := localca.Make(localca.Options{Dir: dir, Hosts: hosts, Life: time.Duration(days) * 24 * time.Hour})
			if err != nil {
				return fmt.Errorf("make certificates: %w", err)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), tlsWords(made))
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "tls", "where the files go")
	c.Flags().StringSliceVar(&hosts, "host", []string{"localhost", "127.0.0.1", "::1"}, "names and addresses under which clients call relay")
	c.Flags().IntVar(&days, "days", 820, "how long the certificate is good; Apple's systems take at most 825")
	_ = c.MarkFlagDirname("dir")
	return c
}

// tlsWords says what was made and what is to be done with it.
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
	fmt.Fprintf(&b, "certificate authority %s: %s, good until %s\n", what, ca, m.CAUntil.Format(time.DateOnly))
	fmt.Fprintf(&b, "certificate made:        %s, for %s, good until %s\n", abs(localca.CertFile), strings.Join(m.Hosts, ", "), m.Until.Format(time.DateOnly))
	fmt.Fprintf(&b, "\nIn relay.yaml:\n\n  tls:\n    cert: %s\n    key: %s\n", abs(localca.CertFile), abs(localca.KeyFile))
	fmt.Fprintf(&b, "\nThe user that relay runs as must be able to read both; relay.key is readable to its owner alone.\n")
	fmt.Fprintf(&b, "\nLet the clients trust it (each line is enough by itself):\n\n")
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
		{"Android, iOS", "Settings: install ca.pem as a CA certificate; on iOS also switch on full trust for it"},
	} {
		fmt.Fprintf(&b, "  %-15s %s\n", l[0], l[1])
	}
	fmt.Fprintf(&b, "\nKeep %s to yourself: whoever has it can be relay to those clients. Nothing needs\nit until %s, when this command makes the next certificate.\n", abs(localca.CAKeyFile), m.Until.Format(time.DateOnly))
	return b.String()
}
