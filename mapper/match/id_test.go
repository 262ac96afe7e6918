package match

import "testing"

// A shop numbers its customers as it likes; only what stands for nobody is
// left out.
func TestExternalIDPlaceholders(t *testing.T) {
	for _, id := range []string{"user1", "user-42", "Customer 7", "customer_7", "guest-17", "test123", "test-user-1", "abc", "ABC123", "aaa", "1", "u1", "x1", "007", "7-0", "anon-5f3a", "019mr8mf4r", "Müller"} {
		if n := normaliseExternalID(id, nil); n.Original != id {
			t.Errorf("%q became %q (%s)", id, n.Original, n.Why)
		}
	}
	for _, id := range []string{"", " ", "n/a", "N/A", "none", "None", "null", "NULL", "undefined", "unknown", "guest", "Guest", "GUEST ", "test", "x", "xxx", "-", "--", ".", "0", "000", "0-0", "-1", "nan", "(null)", "{{customer.id}}", "[object Object]", "anonymous", "walk-in"} {
		if n := normaliseExternalID(id, nil); n.Original != "" {
			t.Errorf("%q is taken as an id", id)
		}
	}
}
