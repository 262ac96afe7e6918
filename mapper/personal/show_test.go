package personal

import (
	"io/fs"
	"testing"
	"time"
)

// someFile is a file of 7 bytes.
type someFile struct{ fs.FileInfo }

func (someFile) Size() int64        { return 7 }
func (someFile) ModTime() time.Time { return time.Date(2026, 11, 20, 14, 30, 0, 0, time.UTC) }

func TestShownInMaskedViews(t *testing.T) {
	for name, want := range map[string]string{
		"order_id": "order_id", "Order Completed": "Order Completed", "Till Opened": "Till Opened", "Quote Requested": "Quote Requested",
		"kundenTelefon": "kundenTelefon", "customer_name": "customer_name", "Ada Lovelace": "Aaa Aaaaaaaa", "adalovelace": "aaaaaaaaaaa",
		"Visit of Ada Lovelace +1 212 555 0147": "Aaaaa aa Aaa Aaaaaaaa +9 999 999 9999", "ada@example.com": "aaa@aaaaaaa.aaa",
		"sales-2026-11-20.csv": "sales-2026-11-20.csv", "ada@example.com +12125550147.jsonl": "aaa@aaaaaaa.aaa +99999999999.aaaaa",
		"till1.jsonl": "till1.jsonl", "山田太郎": "aaaa", "Kunde 0221-5550123.csv": "Aaaaa 9999-9999999.aaa", "(212) 555-0142.csv": "(999) 999-9999.aaa",
		"2125550142.csv": "9999999999.aaa", "order 212-555-0142 pickup.csv": "aaaaa 999-999-9999 aaaaaa.aaa", "2012031234.csv": "9999999999.aaa",
		"sales-20261120.csv": "sales-20261120.csv", "sales_20261120-143000.csv": "sales_20261120-143000.csv", "export 20.11.2026 14.30.csv": "export 20.11.2026 14.30.csv",
		"20261120143000.csv": "20261120143000.csv", "sales-1795518000123.csv": "sales-1795518000123.csv", "till 12 2026-11-20 0007.csv": "till 12 2026-11-20 0007.csv", "store 000123.csv": "store 000123.csv",
	} {
		if got := ShowName(name); got != want {
			t.Errorf("name %q is shown as %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"store 12 QF-883377.csv": "aaaaa 99 AA-999999.aaa (7 bytes, of 2026-11-20T14:30:00Z)", "export 100177.csv": "aaaaaa 999999.aaa (7 bytes, of 2026-11-20T14:30:00Z)",
		"sales-20261120.csv": "sales-20261120.csv", "sales_20261120-143000.csv": "sales_20261120-143000.csv", "sales-1795518000123.csv": "sales-1795518000123.csv",
		"till 12.csv": "till 12.csv", "done/ada@example.com.csv": "aaaa/aaa@aaaaaaa.aaa.aaa (7 bytes, of 2026-11-20T14:30:00Z)",
	} {
		if got := ShowPath(name, func(string) bool { return false }, someFile{}); got != want {
			t.Errorf("file %q is shown as %q, want %q", name, got, want)
		}
	}
	for id, want := range map[string]string{
		"m-01": "m-01", "till3-100423": "till3-100423", "1c5f7e0a-6f3a-4c2e-9a3d-0d6a5f1b7c11": "1c5f7e0a-6f3a-4c2e-9a3d-0d6a5f1b7c11",
		"1c5f7e0a-6f3a-4c2e-beef-0d6a5f1b7c11": "1c5f7e0a-6f3a-4c2e-beef-0d6a5f1b7c11",
		"ORD-2026-77":                          "AAA-9999-99", "order-1": "order-1", "1795518000123": "1795518000123", "ada@example.com-o1": "aaa@aaaaaaa.aaa-a9",
		"lovelace-17": "aaaaaaaa-99", "+12125550147": "+99999999999", "12125550147": "99999999999", "2125550147": "9999999999", "u1": "u1",
	} {
		if got := ShowID(id); got != want {
			t.Errorf("id %q is shown as %q, want %q", id, got, want)
		}
	}
}
