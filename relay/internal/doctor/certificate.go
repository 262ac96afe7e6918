package doctor

import (
	"fmt"
	"time"

	"relay/internal/certificate"
)

// certSoon is how long before its expiry a certificate gets a warning.
const certSoon = 14 * 24 * time.Hour

// certificate checks the certificate of the intake listener.
func (e *exam) certificate() {
	c := e.Config.TLS
	if c.Cert == "" {
		return
	}
	const replace = "Replace both files. relay loads the new ones by itself. `relay tls init` makes a pair for this shop."
	pair, err := certificate.Read(c.Cert, c.Key)
	if err != nil {
		e.report(Finding{
			Check: "certificate", Code: "certificate_unusable", Level: Fail,
			Text: fmt.Sprintf("tls.cert and tls.key cannot be used: %v.", plainNet(err)), Fix: replace, Who: You,
		})
		return
	}
	until, now := pair.Leaf.NotAfter, e.Now()
	day := until.Local().Format(time.DateOnly)
	switch {
	case now.After(until):
		e.report(Finding{
			Check: "certificate", Code: "certificate_expired", Level: Fail,
			Text: fmt.Sprintf("The certificate %s expired on %s, so https clients refuse it.", c.Cert, day), Fix: replace, Who: You,
		})
	case now.Before(pair.Leaf.NotBefore):
		e.report(Finding{
			Check: "certificate", Code: "certificate_early", Level: Fail,
			Text: fmt.Sprintf("The certificate %s is not valid before %s.", c.Cert, pair.Leaf.NotBefore.Local().Format(time.DateTime)),
			Fix:  "Correct this machine's clock, or wait.", Who: You,
		})
	case until.Sub(now) < certSoon:
		e.report(Finding{
			Check: "certificate", Code: "certificate_expires", Level: Warn,
			Text: fmt.Sprintf("The certificate %s expires on %s.", c.Cert, day), Fix: replace, Who: You,
		})
	default:
		e.report(Finding{Check: "certificate", Code: "certificate", Level: OK, Text: fmt.Sprintf("The certificate %s is valid until %s.", c.Cert, day)})
	}
}
