package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// nfpm builds deb and rpm. It is run by version, so that its modules are not in
// go.mod.
const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"

// packages builds deb and rpm for a Linux target.
func (r *release) packages(ctx context.Context, t target, binary, papers string) error {
	arch := t.arch
	if t.arm != "" {
		arch += t.arm
	}
	env := map[string]string{
		"RELAY_VERSION": packageVersion(r.version), "RELAY_ARCH": arch, "RELAY_BINARY": binary, "RELAY_PAPERS": papers,
		"SOURCE_DATE_EPOCH": strconv.FormatInt(r.date.Unix(), 10), "GOFLAGS": "",
	}
	for _, format := range []string{"deb", "rpm"} {
		name := fmt.Sprintf("relay_%s_%s.%s", packageVersion(r.version), t.name(), format)
		_, err := outputWith(ctx, r.root, env, "go", "run", nfpm, "package", "--config", filepath.Join("packaging", "nfpm.yaml"),
			"--packager", format, "--target", filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(r.out, name)); err != nil {
			return err
		}
	}
	return nil
}
