// Command release builds the published files: for each platform an archive with
// the binary, its manual, completions, examples and licences, and an SBOM;
// deb and rpm packages; the provenance; and the SHA-256 of all files.
// The same commit gives the same bytes on every machine with the same Go.
//
//	go run ./packaging/release -version v1.0.0 -out dist
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1)
	}
}

// release is one run.
type release struct {
	version string
	builder string    // URI of the builder
	out     string    // directory
	root    string    // of the module
	date    time.Time // of everything in it
	log     io.Writer
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	version := flags.String("version", "", "version of the binary (default: git describe)")
	out := flags.String("out", "dist", "output directory; an earlier release in it is replaced")
	only := flags.String("targets", "", "platforms such as linux/amd64,windows/amd64 (default: all)")
	packages := flags.Bool("packages", true, "also build deb and rpm for the Linux targets")
	builder := flags.String("builder", someBuilder, "URI of the builder, for the provenance")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected %q", flags.Arg(0))
	}
	root, err := output(ctx, ".", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	r := &release{version: *version, builder: *builder, root: root, log: stdout}
	if r.version == "" {
		if r.version, err = output(ctx, root, "git", "describe", "--tags", "--always", "--dirty"); err != nil {
			return err
		}
	}
	if r.date, err = epoch(ctx, root); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(*out); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	return r.build(ctx, chosen, *packages)
}

// build makes everything below r.out.
func (r *release) build(ctx context.Context, chosen []target, packages bool) error {
	if err := r.clear(); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "relay-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	own := host()
	if err := r.compile(ctx, own, filepath.Join(work, "host", own.binary())); err != nil {
		return err
	}
	papers := filepath.Join(work, "papers")
	if err := r.papers(ctx, filepath.Join(work, "host", own.binary()), papers); err != nil {
		return err
	}
	for _, t := range chosen {
		binary := filepath.Join(work, t.name(), t.binary())
		if err := r.compile(ctx, t, binary); err != nil {
			return err
		}
		modules, err := modulesOf(ctx, r.root, binary)
		if err != nil {
			return err
		}
		if err := writeLicences(ctx, r.root, modules, filepath.Join(papers, "THIRD-PARTY-LICENSES")); err != nil {
			return err
		}
		base := filepath.Join(r.out, "relay_"+r.version+"_"+t.name())
		if err := r.archive(t, binary, papers, base); err != nil {
			return err
		}
		if err := r.writeSBOM(modules, binary, base+".cdx.json"); err != nil {
			return err
		}
		if packages && t.os == "linux" {
			if err := r.packages(ctx, t, binary, papers); err != nil {
				return err
			}
		}
		fmt.Fprintf(r.log, "%s/%s done\n", t.os, t.arch)
	}
	if err := r.provenance(ctx, chosen, packages); err != nil {
		return err
	}
	return r.checksums()
}

// clear makes r.out an empty directory. It refuses one with files that are not of an
// earlier release.
func (r *release) clear() error {
	entries, err := os.ReadDir(r.out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "relay") && e.Name() != "SHA256SUMS" && e.Name() != "SHA256SUMS.sig" {
			return fmt.Errorf("%s contains %s, which is not part of a release; choose another -out", r.out, e.Name())
		}
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	return os.MkdirAll(r.out, 0o755)
}

// epoch returns the time of all files in the release: SOURCE_DATE_EPOCH, else
// that of the commit.
func epoch(ctx context.Context, root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		var err error
		if text, err = output(ctx, root, "git", "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, fmt.Errorf("set SOURCE_DATE_EPOCH: %w", err)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

var numbered = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+.*)$`)

// packageVersion returns the version in the order of dpkg and rpm: a commit without
// a version number sorts before every release.
func packageVersion(version string) string {
	if m := numbered.FindStringSubmatch(version); m != nil {
		return strings.ReplaceAll(m[1], "-", "~")
	}
	return "0.0.0~" + strings.ReplaceAll(version, "-", ".")
}

// output runs a command in a directory and returns what it prints.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(failed.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
