package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/mapper"
)

// TestContract runs testdata/contract: mappings and, beside them, what events
// must become, sentence by sentence of the contract's section 5.
func TestContract(t *testing.T) {
	files, err := filepath.Glob("testdata/contract/*.test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".test.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			m, _, err := mapper.Parse(name+".yaml", src)
			if err != nil {
				t.Fatal(err)
			}
			suite, err := readTests(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range suite.Run(m) {
				t.Errorf("%s:%d: %s", file, f.Line, f)
			}
		})
	}
}
