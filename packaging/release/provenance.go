package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// The used parts of an in-toto Statement v1 with a SLSA provenance v1:
// https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance
type (
	statement struct {
		Type          string     `json:"_type"`
		Subject       []artifact `json:"subject"`
		PredicateType string     `json:"predicateType"`
		Predicate     provenance `json:"predicate"`
	}
	artifact struct {
		Name   string            `json:"name,omitempty"`
		URI    string            `json:"uri,omitempty"`
		Digest map[string]string `json:"digest,omitempty"`
	}
	provenance struct {
		BuildDefinition buildDefinition `json:"buildDefinition"`
		RunDetails      runDetails      `json:"runDetails"`
	}
	buildDefinition struct {
		BuildType    string            `json:"buildType"`
		External     buildParameters   `json:"externalParameters"`
		Internal     map[string]string `json:"internalParameters"`
		Dependencies []artifact        `json:"resolvedDependencies"`
	}
	buildParameters struct {
		Version  string   `json:"version"`
		Targets  []string `json:"targets"`
		Packages bool     `json:"packages"`
	}
	runDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	}
)

// The statement's names for this program as a build type, and for an unnamed
// builder.
const (
	buildType   = "https://relay.example.com/packaging/release/v1"
	someBuilder = "https://relay.example.com/builder/unnamed"
)

// provenance writes how and from which inputs the files of the release were built.
// The statement has no time of day and nothing of the machine, so it is the same for the
// same commit. It is as trustworthy as the signature over SHA256SUMS, which lists it.
func (r *release) provenance(ctx context.Context, chosen []target, packages bool) error {
	s := statement{Type: "https://in-toto.io/Statement/v1", PredicateType: "https://slsa.dev/provenance/v1"}
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		sum, err := sha256File(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		s.Subject = append(s.Subject, artifact{Name: e.Name(), Digest: map[string]string{"sha256": sum}})
	}
	def := &s.Predicate.BuildDefinition
	def.BuildType = buildType
	def.External = buildParameters{Version: r.version, Packages: packages}
	for _, t := range chosen {
		def.External.Targets = append(def.External.Targets, t.os+"/"+t.arch)
	}
	def.Internal = map[string]string{"SOURCE_DATE_EPOCH": strconv.FormatInt(r.date.Unix(), 10)}
	modules, err := sha256File(filepath.Join(r.root, "go.sum"))
	if err != nil {
		return err
	}
	def.Dependencies = []artifact{
		r.source(ctx),
		{Name: "go.sum", Digest: map[string]string{"sha256": modules}},
		{Name: "go", URI: "pkg:generic/go@" + strings.TrimPrefix(runtime.Version(), "go")},
	}
	if packages {
		command, version, _ := strings.Cut(nfpm, "@")
		def.Dependencies = append(def.Dependencies,
			artifact{Name: "nfpm", URI: "pkg:golang/" + strings.TrimSuffix(command, "/cmd/nfpm") + "@" + version + "#cmd/nfpm"})
	}
	s.Predicate.RunDetails.Builder.ID = r.builder
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "relay_"+r.version+".provenance.json"), append(b, '\n'), 0o644)
}

// source returns the commit of the release. A modified working tree, or one without
// git, has none.
func (r *release) source(ctx context.Context) artifact {
	a := artifact{Name: "source"}
	commit, err := output(ctx, r.root, "git", "rev-parse", "HEAD")
	if err != nil {
		fmt.Fprintln(r.log, "the provenance names no commit: git knows none")
		return a
	}
	changed, err := output(ctx, r.root, "git", "status", "--porcelain")
	if err != nil || changed != "" {
		fmt.Fprintln(r.log, "the provenance names no commit: the working tree differs from it")
		return a
	}
	a.Digest = map[string]string{"gitCommit": commit}
	return a
}
