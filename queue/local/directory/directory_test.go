package directory

import (
	"io/fs"
	"strings"
	"testing"

	"relay/internal/disk"
)

func TestOwn(t *testing.T) {
	t.Parallel()
	temp := strings.TrimPrefix(disk.TempName("x"), "x")
	for name, want := range map[string]fs.FileMode{
		"lock": 0, "meta.db": 0, "dead.db": 0, "reserve": 0, "secret": 0, "audit.log": 0, "audit.log.3": 0, "restored.json": 0, "admin.sock": fs.ModeSocket,
		"000000000000002a.seg": 0, "000000000000002a.ids": 0, "000000000000002a.sales": 0, "000000000000002a.seg.tmp": 0, "000000000000002a.seg.bad": 0,
		"000000000000002a.seg.12.bad": 0, "meta.db.bad": 0, "meta.db.1.bad": 0, "meta.db" + temp: 0, "import" + temp: 0,
		"receipts": fs.ModeDir, "receipts/0000000000000001.log": 0, "receipts/0000000000000001.log" + temp: 0,
		"copies": fs.ModeDir, "copies/relay-backup-123": fs.ModeDir, "copies/relay-backup-123/data/meta.db": 0,
	} {
		if mode, ok := Own(name); !ok || mode != want {
			t.Errorf("%s: %v, %v; want %v", name, mode, ok, want)
		}
	}
	for _, name := range []string{
		"notes.tmp", "people.csv.bad", "people.bad", ".bad", "meta.db.x.bad", "meta.db..bad", "meta.db.bad.bad", "meta.db~", "META.DB", "lock.1", "0000000000000000.seg", "000000000000002a.seg.gz",
		"000000000000002a.ids.tmp", "audit.log.gz", "audit.log.", "copies/meta.db", "copies/relay-backup-", "copies/relay-backup-x", "receipts/000000000000001.log", "receipts/x",
		"receipts/0000000000000001.log/x", "other/meta.db", "other/meta.db" + temp, "secret/x", "",
	} {
		if mode, ok := Own(name); ok {
			t.Errorf("%q is one of relay's: %v", name, mode)
		}
	}
}
