package page

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"
)

// TestVendored: what the page takes from others is what they published, uplot
// 1.6.32 of npm, byte for byte.
func TestVendored(t *testing.T) {
	published := map[string]string{
		"vendor/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"vendor/uPlot.min.css":     "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	}
	names, err := fs.Glob(files, "vendor/*")
	if err != nil || len(names) < len(published) {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "vendor/LICENSE-") {
			continue
		}
		want := published[name]
		if want == "" {
			t.Errorf("%s is of others and has no SHA-256 here", name)
			continue
		}
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has the SHA-256 %x", name, sum)
		}
	}
}
