package admin

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The document of the admin API names every route, with the access it needs,
// and none that is not there.
func TestRoutesAreDocumented(t *testing.T) {
	src, err := os.ReadFile("route.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../../docs/admin-api.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{"Health": "health", "Metrics": "metrics", "Anybody": "open", "Numbers": "read", "Contents": "contents", "Change": "change", "SignIn": "code"}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:GET|POST) [^`]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(doc), -1) {
		rows[m[1]] = m[2]
	}
	n := 0
	for _, m := range regexp.MustCompile(`add\("((?:GET|POST) [^"]+)", access\.(\w+),`).FindAllStringSubmatch(string(src), -1) {
		n++
		pattern := strings.ReplaceAll(m[1], "{$}", "")
		if strings.HasPrefix(pattern, "GET /debug/") {
			if !strings.Contains(string(doc), "`"+pattern+"`") {
				t.Errorf("docs/admin-api.md lacks %s", pattern)
			}
			continue
		}
		if rows[pattern] != words[m[2]] {
			t.Errorf("docs/admin-api.md says %q of %s, which is %q", rows[pattern], pattern, words[m[2]])
		}
		delete(rows, pattern)
	}
	for row := range rows {
		t.Errorf("docs/admin-api.md names %s, which is not there", row)
	}
	if n < 25 {
		t.Errorf("only %d routes found", n)
	}
}
