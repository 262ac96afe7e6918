package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// target is a platform of the release.
type target struct{ os, arch, arm string }

// targets returns all platforms. arm is version 6, which every Raspberry Pi runs.
func targets() []target {
	return []target{
		{os: "linux", arch: "amd64"},
		{os: "linux", arch: "arm64"},
		{os: "linux", arch: "arm", arm: "6"},
		{os: "windows", arch: "amd64"},
		{os: "darwin", arch: "arm64"},
	}
}

func host() target {
	t := target{os: runtime.GOOS, arch: runtime.GOARCH}
	for _, known := range targets() {
		if known.os == t.os && known.arch == t.arch {
			return known
		}
	}
	return t
}

// choose parses -targets.
func choose(list string) ([]target, error) {
	if list == "" {
		return targets(), nil
	}
	var out []target
	for word := range strings.SplitSeq(list, ",") {
		found := false
		for _, t := range targets() {
			if t.os+"/"+t.arch == word {
				out, found = append(out, t), true
			}
		}
		if !found {
			return nil, fmt.Errorf("unknown target %q", word)
		}
	}
	return out, nil
}

func (t target) name() string { return t.os + "_" + t.arch }

func (t target) binary() string {
	if t.os == "windows" {
		return "relay.exe"
	}
	return "relay"
}

// compile builds the binary of t. The binary contains nothing of the machine: no
// paths, no build id, no state of a working tree.
func (r *release) compile(ctx context.Context, t target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	env := map[string]string{"CGO_ENABLED": "0", "GOOS": t.os, "GOARCH": t.arch, "GOFLAGS": "", "GOAMD64": "v1", "GOEXPERIMENT": ""}
	if t.arm != "" {
		env["GOARM"] = t.arm
	}
	_, err := outputWith(ctx, r.root, env, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X relay/relay/internal/sidecar.version="+r.version, "-o", path, "./relay")
	return err
}
