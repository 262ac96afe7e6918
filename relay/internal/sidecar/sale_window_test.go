package sidecar

import (
	"testing"

	"relay/internal/meta"
	"relay/queue"
)

// A sale that Meta would still take is known as long as it does: a second export of the
// same day must not send it again. The queue knows nothing of Meta.
func TestSalesAreKnownForAsLongAsMetaTakesThem(t *testing.T) {
	if queue.SaleWindow < meta.StoreAge {
		t.Errorf("ids of sales are remembered for %v, Meta takes sales for %v", queue.SaleWindow, meta.StoreAge)
	}
}
