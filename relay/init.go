package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	module "relay"
	"relay/config"
	"relay/examples"
	"relay/mapper"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
)

// serviceUnit is the template of the unit that `relay init` writes for the given
// directory. Packages install their own unit.
//
//go:embed relay.service.tmpl
var serviceUnit string

// initOptions are the flags of `relay init`.
type initOptions struct {
	eventSet, country, currency, zone string
}

func newInitCommand() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [DIRECTORY]",
		Short: "Write a commented relay.yaml, a mapping and a systemd unit as a starting point",
		Long: `Writes relay.yaml (every key with its default and meaning), mapping.yaml and, except on
Windows, relay.service into a directory, by default the current one. It never overwrites a
file: if one of them exists, it writes none.`,
		Example: `  relay init
  relay init /srv/relay --event-set 701000000000001 --country DE --currency EUR --timezone Europe/Berlin`,
		Args: cli.MaxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			files, err := o.files(dir)
			if err != nil {
				return err
			}
			if err := writeNew(dir, files); err != nil {
				return err
			}
			out := c.OutOrStdout()
			for _, f := range files {
				fmt.Fprintf(out, "wrote %s\n", filepath.Join(dir, f.name))
			}
			fmt.Fprint(out, nextSteps(dir, o.eventSet == ""))
			return nil
		},
	}
	c.Flags().StringVar(&o.eventSet, "event-set", "", "id of the event set (dataset) for all events")
	c.Flags().StringVar(&o.country, "country", "", "default_country of the mapping, such as US")
	c.Flags().StringVar(&o.currency, "currency", "", "default_currency of the mapping, such as USD")
	c.Flags().StringVar(&o.zone, "timezone", "", "timezone of the mapping, such as America/New_York")
	return c
}

type newFile struct{ name, text string }

// files returns the files to write. They are valid: relay accepts them.
func (o initOptions) files(dir string) ([]newFile, error) {
	conf := initConfig()
	if _, _, err := config.Parse(filepath.Join(dir, "relay.yaml"), []byte(conf), config.Options{}); err != nil {
		return nil, err
	}
	mapping, err := o.mapping()
	if err != nil {
		return nil, err
	}
	files := []newFile{{"relay.yaml", conf}, {"mapping.yaml", mapping}}
	if runtime.GOOS == "windows" {
		return files, nil
	}
	unit, err := initUnit(dir)
	if err != nil {
		return nil, err
	}
	return append(files, newFile{"relay.service", unit}), nil
}

// initConfig returns the documented default config, with mapping and token in the same
// directory.
func initConfig() string {
	s := withoutModeline(module.DefaultConfig)
	s = replaceLine(s, "mapping: ", "mapping: mapping.yaml               # (live) an invalid version is refused and changes nothing")
	s = replaceLine(s, "  access_token: ", "  # access_token: ${env:META_ACCESS_TOKEN:-}   # (live) without one relay stores events and uploads nothing")
	return replaceLine(s, "  # access_token_file: ", "  access_token_file: meta-token     # (live) a file that contains only the token; read again when it changes")
}

var idForm = regexp.MustCompile(`^[0-9]{1,32}$`)

// mapping returns the example mapping with the shop's settings. If the mapper refuses
// it, a flag is wrong.
func (o initOptions) mapping() (string, error) {
	b, err := examples.FS.ReadFile("mapping.yaml")
	if err != nil {
		return "", fmt.Errorf("read example: %w", err)
	}
	s := withoutModeline(string(b))
	s = strings.ReplaceAll(s, "examples/", "")
	s = strings.ReplaceAll(s, "relay map --mapping mapping.yaml events.json", "relay map --mapping mapping.yaml --explain some-events.json")
	if o.eventSet != "" {
		if !idForm.MatchString(o.eventSet) {
			return "", exit.Usage(errors.New("--event-set: expected the number of a dataset, as Events Manager shows it"))
		}
		s = strings.ReplaceAll(s, "701000000000001", o.eventSet)
		s = strings.Replace(s, "# Replace the ids below, which are made up, with your own.\n", "", 1)
	}
	for key, value := range map[string]string{"default_country": o.country, "default_currency": o.currency, "timezone": o.zone} {
		if value != "" {
			s = replaceLine(s, key+": ", key+": "+value)
		}
	}
	if _, _, err := mapper.Parse("mapping.yaml", []byte(s)); err != nil {
		return "", exit.Usage(err)
	}
	return s, nil
}

// initUnit returns the systemd unit for this binary, this directory and this user.
func initUnit(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find directory: %w", err)
	}
	bin, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	name, create := "relay", true // relay does not run as root
	if u, err := user.Current(); err == nil && u.Uid != "0" {
		name, create = u.Username, false
	}
	home := "yes"
	for _, h := range []string{"/home/", "/root/", "/run/user/"} {
		if strings.HasPrefix(abs+"/", h) || strings.HasPrefix(bin, h) {
			home = "read-only" // relay or its files are in there
		}
	}
	steps := ""
	if create {
		steps = "#   sudo useradd --system --shell /usr/sbin/nologin relay\n#   sudo chown -R relay: '" + abs + "'\n" +
			"# From then on run every command as that user, and not as root or yourself:\n" +
			"#   sudo -u relay '" + bin + "' status --config '" + filepath.Join(abs, "relay.yaml") + "'\n"
	}
	return strings.NewReplacer("@CREATE@", steps, "@USER@", name, "@DIR@", unitText(abs), "@CONFIG@", unitText(filepath.Join(abs, "relay.yaml")),
		"@BINARY@", unitText(bin), "@HOME@", home).Replace(serviceUnit), nil
}

// unitText escapes a path for systemd, where % begins a specifier and a space ends a
// word.
func unitText(path string) string {
	path = strings.ReplaceAll(path, "%", "%%")
	return strings.ReplaceAll(path, " ", `\x20`)
}

// writeNew writes all files, or none if one of them exists.
func writeNew(dir string, files []newFile) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			return exit.Coded(exit.Failure, fmt.Errorf("%s already exists: nothing was written", filepath.Join(dir, f.name)))
		}
	}
	for _, f := range files {
		// O_EXCL: a file created since the check is not overwritten either.
		w, err := os.OpenFile(filepath.Join(dir, f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if errors.Is(err, fs.ErrExist) {
			return exit.Coded(exit.Failure, fmt.Errorf("%s already exists", filepath.Join(dir, f.name)))
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		_, err = w.WriteString(f.text)
		if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

func nextSteps(dir string, ids bool) string {
	at := ""
	if dir != "." {
		at = " --config " + filepath.Join(dir, "relay.yaml")
	}
	var b strings.Builder
	b.WriteString("\nNext:\n")
	n := 0
	step := func(text string) { n++; fmt.Fprintf(&b, "  %d. %s\n", n, text) }
	if ids {
		step("put the ids of your event sets into " + filepath.Join(dir, "mapping.yaml"))
	}
	step("put the access token, and nothing else, into " + filepath.Join(dir, "meta-token") + " (chmod 600); relay notices the file by itself")
	step("relay doctor" + at + "     shows what is still missing")
	step("relay run" + at)
	if runtime.GOOS != "windows" {
		fmt.Fprintf(&b, "\nTo run it as a service, see the first lines of %s. Run all other commands as the user\nthat it names (User=), such as `sudo -u relay relay status%s`.\n", filepath.Join(dir, "relay.service"), at)
	}
	return b.String()
}

// withoutModeline removes the editors' schema line, whose path is only right in the
// source tree. `relay schema` prints the schema.
func withoutModeline(s string) string {
	if rest, ok := strings.CutPrefix(s, "# yaml-language-server:"); ok {
		_, rest, _ = strings.Cut(rest, "\n")
		return strings.TrimPrefix(rest, "#\n")
	}
	return s
}

// replaceLine replaces the first line that begins with prefix.
func replaceLine(s, prefix, line string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) {
			lines[i] = line
			break
		}
	}
	return strings.Join(lines, "\n")
}
