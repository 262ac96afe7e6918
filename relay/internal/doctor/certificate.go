package doctor

import (
	"fmt"
	"time"

	"relay/internal/certificate"
)

// certSoon is how long before its end a certificate is worth a warning.
const certSoon = 14 * 24 * time.Hour

// certificate looks at what the intake listener shows to clients that speak https.
func (e *exam) certificate() {
	c := e.Config.TLS
	if c.Cert == "" {
		return
	}
	const again = "Replace tls.cert and tls.key; relay re-reads them by itself. `relay tls init` makes a pair for this shop."
	pair, err := certificate.Read(c.Cert, c.Key)
	if err != nil {
		e.say(Finding{
			Check: "certificate", Code: "certificate_unusable", Level: Fail,
			Text: fmt.Sprintf("tls.cert and tls.key cannot be used: %v.", plainNet(err)), Fix: again, Who: You,
		})
		return
	}
	until, now := pair.Leaf.NotAfter, e.Now()
	day := until.Local().Format(time.DateOnly)
	switch {
	case now.After(until):
		e.say(Finding{
			Check: "certificate", Code: "certificate_expired", Level: Fail,
			Text: fmt.Sprintf("The certificate %s expired on %s: clients that speak https refuse it.", c.Cert, day), Fix: again, Who: You,
		})
	case now.Before(pair.Leaf.NotBefore):
		e.say(Finding{
			Check: "certificate", Code: "certificate_early", Level: Fail,
			Text: fmt.Sprintf("The certificate %s is valid only from %s on.", c.Cert, pair.Leaf.NotBefore.Local().Format(time.DateTime)),
			Fix:  "Set this machine's clock right, or wait.", Who: You,
		})
	case until.Sub(now) < certSoon:
		e.say(Finding{
			Check: "certificate", Code: "certificate_expires", Level: Warn,
			Text: fmt.Sprintf("The certificate %s expires on %s.", c.Cert, day), Fix: again, Who: You,
		})
	default:
		e.say(Finding{Check: "certificate", Code: "certificate", Level: OK, Text: fmt.Sprintf("The certificate %s is valid until %s.", c.Cert, day)})
	}
}
