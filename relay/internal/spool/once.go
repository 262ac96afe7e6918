package spool

import (
	"crypto/sha256"
	"encoding/hex"
)

// saleID is the id of a sale that is told from others by a value of its own,
// whichever file it stands in; with another Run it is another sale.
func (o *Options) saleID(event, value string) string {
	text := event + "\x00" + value
	if o.Run != "" {
		text += "\x00" + o.Run
	}
	sum := sha256.Sum256([]byte(text))
	return "sale-" + hex.EncodeToString(sum[:16])
}
