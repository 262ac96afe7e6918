package mapper

import (
	"encoding/json"
	"testing"
)

// wireOf is a conversion as a JSON object.
func wireOf(t *testing.T, o Outcome) map[string]any {
	t.Helper()
	var out map[string]any
	if o.Kind != Send {
		t.Fatalf("%s is %s: %s", o.MessageID, o.Kind, o.Reason)
	}
	if err := json.Unmarshal(o.Conversion, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
