package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// module is a module linked into the binary.
type module struct {
	path, version, sum string
	licence            string // SPDX id; "" when the text is none of the known
	texts              []string
}

// modulesOf returns the modules of a binary with their licences, which it reads from the
// module cache. Go's standard library is one of them.
func modulesOf(ctx context.Context, root, binary string) ([]module, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read build info: %w", err)
	}
	goroot, err := output(ctx, root, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	std := module{path: "std", version: info.GoVersion}
	if err := std.read(goroot); err != nil {
		return nil, err
	}
	out := []module{std}
	for _, d := range info.Deps {
		if d.Replace != nil {
			return nil, fmt.Errorf("%s is replaced: a release builds what go.mod names", d.Path)
		}
		m := module{path: d.Path, version: d.Version, sum: d.Sum}
		dir, err := output(ctx, root, "go", "list", "-m", "-f", "{{.Dir}}", d.Path)
		if err != nil {
			return nil, err
		}
		if err := m.read(dir); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

// read reads the licence in a module's directory.
func (m *module) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") &&
			!strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "NOTICE") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		m.texts = append(m.texts, strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n")))
		if m.licence == "" {
			m.licence = spdx(string(b))
		}
	}
	if len(m.texts) == 0 {
		return fmt.Errorf("no licence in %s %s", m.path, m.version)
	}
	return nil
}

// spdx returns the SPDX id of a licence text, for the licences of the modules.
func spdx(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	switch {
	case strings.Contains(words, "Apache License") && strings.Contains(words, "Version 2.0"):
		return "Apache-2.0"
	case strings.Contains(words, "Mozilla Public License") && strings.Contains(words, "2.0"):
		return "MPL-2.0"
	case strings.Contains(words, "Permission is hereby granted, free of charge"):
		return "MIT"
	case strings.Contains(words, "freely, subject to the following restrictions"):
		return "Zlib"
	case strings.Contains(words, "Redistribution and use in source and binary forms"):
		if strings.Contains(words, "Neither the name") || strings.Contains(words, "names of its contributors") {
			return "BSD-3-Clause"
		}
		return "BSD-2-Clause"
	case strings.Contains(words, "Permission to use, copy, modify, and"):
		return "ISC"
	}
	return ""
}

// writeLicences writes the licence texts of all linked modules, as most of the
// licences require.
func writeLicences(_ context.Context, root string, modules []module, path string) error {
	var b strings.Builder
	b.WriteString("relay contains the following, under the licences below.\n")
	section := func(title string, texts []string) {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", title, strings.Repeat("=", len(title)), strings.Join(texts, "\n\n"))
	}
	for _, m := range modules {
		title := m.path + " " + m.version
		if m.path == "std" {
			title = "The Go standard library, " + m.version
		}
		section(title, m.texts)
	}
	vendored, err := filepath.Glob(filepath.Join(root, "relay/internal/admin/page/vendor/LICENSE-*"))
	if err != nil || len(vendored) == 0 {
		return errors.Join(err, errors.New("no licences of the status page's scripts"))
	}
	for _, file := range vendored {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		section(strings.TrimPrefix(filepath.Base(file), "LICENSE-"), []string{strings.TrimSpace(string(text))})
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// The used parts of a CycloneDX 1.6 document.
type (
	cdxDocument struct {
		Schema       string          `json:"$schema"`
		Format       string          `json:"bomFormat"`
		Spec         string          `json:"specVersion"`
		Serial       string          `json:"serialNumber"`
		Version      int             `json:"version"`
		Metadata     cdxMetadata     `json:"metadata"`
		Components   []cdxComponent  `json:"components"`
		Dependencies []cdxDependency `json:"dependencies"`
	}
	cdxMetadata struct {
		Timestamp string       `json:"timestamp"`
		Component cdxComponent `json:"component"`
	}
	cdxComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref"`
		Name       string        `json:"name"`
		Version    string        `json:"version"`
		PURL       string        `json:"purl,omitempty"`
		Hashes     []cdxHash     `json:"hashes,omitempty"`
		Licenses   []cdxLicense  `json:"licenses,omitempty"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxHash struct {
		Alg     string `json:"alg"`
		Content string `json:"content"`
	}
	cdxLicense struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn,omitempty"`
	}
)

// writeSBOM writes the modules of a binary as CycloneDX.
func (r *release) writeSBOM(modules []module, binary, path string) error {
	sum, err := sha256File(binary)
	if err != nil {
		return err
	}
	own := cdxComponent{
		Type: "application", Ref: "relay", Name: "relay", Version: r.version,
		Hashes: []cdxHash{{"SHA-256", sum}}, Licenses: licences("Apache-2.0"),
	}
	doc := cdxDocument{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		// The same binary has the same document.
		Serial:   fmt.Sprintf("urn:uuid:%s-%s-8%s-8%s-%s", sum[0:8], sum[8:12], sum[13:16], sum[17:20], sum[20:32]),
		Metadata: cdxMetadata{Timestamp: r.date.Format(time.RFC3339), Component: own},
	}
	direct := cdxDependency{Ref: own.Ref}
	for _, m := range modules {
		c := cdxComponent{Type: "library", Name: m.path, Version: m.version, Licenses: licences(m.licence)}
		c.PURL = "pkg:golang/" + m.path + "@" + strings.TrimPrefix(m.version, "go")
		c.Ref = c.PURL
		if m.sum != "" {
			c.Properties = []cdxProperty{{"go:sum", m.sum}}
		}
		doc.Components = append(doc.Components, c)
		direct.DependsOn = append(direct.DependsOn, c.Ref)
		doc.Dependencies = append(doc.Dependencies, cdxDependency{Ref: c.Ref})
	}
	doc.Dependencies = append([]cdxDependency{direct}, doc.Dependencies...)
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

func licences(id string) []cdxLicense {
	if id == "" {
		return nil
	}
	var l cdxLicense
	l.License.ID = id
	return []cdxLicense{l}
}
