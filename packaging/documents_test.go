package packaging

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentsNameWhatExists checks the references in the documents beyond the plain
// links: anchors, the file names that links show, and identifiers in a linked file.
func TestDocumentsNameWhatExists(t *testing.T) {
	t.Parallel()
	var (
		link       = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`)
		goName     = regexp.MustCompile(`^[\w/]+\.go$`)
		identifier = regexp.MustCompile("`(\\w+)`,?\\s+(?:\\(|of |in )\\[[^\\]]+\\]\\(([^)]+\\.go)\\)")
	)
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../README.md", "../CONTRIBUTING.md", "../config/REFERENCE.md")
	var anchors, names, identifiers int
	for _, page := range pages {
		text := read(t, page)
		at := func(target string) string { return filepath.Join(filepath.Dir(page), filepath.FromSlash(target)) }
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[2], "#")
			if strings.Contains(target, "://") {
				continue
			}
			if anchor != "" {
				anchors++
				in := page
				if target != "" {
					in = at(target)
				}
				if !anchorsOf(read(t, in))[anchor] {
					t.Errorf("%s links to #%s, which %s does not have", page, anchor, in)
				}
			}
			if goName.MatchString(m[1]) {
				names++
				if !strings.HasSuffix("/"+path.Clean(target), "/"+m[1]) {
					t.Errorf("%s: the link named %s leads to %s", page, m[1], target)
				}
			}
		}
		for _, m := range identifier.FindAllStringSubmatch(text, -1) {
			identifiers++
			if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(read(t, at(m[2]))) {
				t.Errorf("%s: %s has no %s", page, m[2], m[1])
			}
		}
	}
	if anchors < 8 || names < 40 || identifiers < 6 {
		t.Errorf("found only %d anchors, %d file names and %d identifiers", anchors, names, identifiers)
	}
}

// anchorsOf returns the anchors that GitHub gives the headings of a page.
func anchorsOf(text string) map[string]bool {
	other := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	out := map[string]bool{}
	for line := range strings.Lines(text) {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			plain := other.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			out[strings.ReplaceAll(plain, " ", "-")] = true
		}
	}
	return out
}
