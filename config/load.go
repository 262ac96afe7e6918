package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relay/internal/disk"
	"relay/internal/strictyaml"
)

// Options changes where Load reads from. The zero value means the process's
// own environment.
type Options struct {
	LookupEnv func(name string) (string, bool) // nil: os.LookupEnv
	Source    []byte                           // content to load instead of the file's; nil: the file's
}

// Load reads, expands and checks relay.yaml. It returns legal but suspicious
// values as warnings, and all problems as one *InvalidError.
// The Config is nil exactly when there is an error. Relative paths in the file are
// relative to its directory.
func Load(path string, o Options) (*Config, []strictyaml.Problem, error) {
	src, err := o.Source, error(nil)
	if src == nil {
		src, err = ReadTrusted(path)
	} else {
		err = Refusable(path)
	}
	if err != nil {
		return nil, nil, &InvalidError{File: path, Err: disk.Bare(err)}
	}
	return Parse(path, src, o)
}

// Parse is Load for content that was already read, such as by a Watcher.
func Parse(path string, src []byte, o Options) (*Config, []strictyaml.Problem, error) {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	l := loader{
		file: path, dir: filepath.Dir(path), src: src, lines: splitLines(src),
		cfg:     Default(filepath.Dir(path)),
		values:  map[string]strictyaml.Value{},
		short:   map[string]strictyaml.Value{},
		sources: map[string]source{},
	}
	l.expander = expander{dir: l.dir, lookupEnv: o.LookupEnv}
	warnings, err := l.run()
	if err != nil {
		return nil, warnings, err
	}
	return l.cfg, warnings, nil
}

// Default returns the configuration of an empty file in dir.
func Default(dir string) *Config {
	c := &Config{origins: map[string]Origin{}, places: map[string]place{}}
	for _, s := range settings() {
		if err := s.setDefault(c); err != nil {
			panic(err) // the table is wrong; a test sets every default
		}
		if p, ok := s.at(c).(*string); ok && s.kind == kindPath {
			*p = resolvePath(dir, *p)
		}
		c.origins[s.key] = Origin{Kind: FromDefault}
	}
	return c
}

// loader is the state of one Load.
type loader struct {
	file, dir string
	src       []byte
	lines     []string
	expander  expander
	cfg       *Config
	root      strictyaml.Value
	values    map[string]strictyaml.Value // of the keys that are in the file
	short     map[string]strictyaml.Value // of sections written as one value
	sources   map[string]source           // of expanded scalars, by path
}

func (l *loader) run() ([]strictyaml.Problem, error) {
	doc, err := strictyaml.Parse(l.file, l.src)
	if err != nil {
		return nil, l.invalid(err)
	}
	l.root = doc.Root()
	l.cfg.File = l.file
	l.cfg.Files = []string{l.file}
	l.cfg.source = NewSecret(string(l.src))
	doc.Expand(l.expand)
	l.readAll()
	l.readSecretFiles()
	l.validate()
	l.addFiles()
	l.checkTrusted()
	l.checkCommand()
	warnings := l.conceal(doc.Warnings())
	if err := doc.Err(); err != nil {
		return warnings, l.invalid(err)
	}
	return warnings, nil
}

func (l *loader) invalid(err error) error {
	var ps strictyaml.Problems
	if !errors.As(err, &ps) {
		return &InvalidError{File: l.file, Err: err}
	}
	return &InvalidError{File: l.file, Problems: l.conceal(ps)}
}

func (l *loader) expand(v strictyaml.Value, text string) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	out, src, err := l.expander.expand(text)
	src.written, src.empty = text, out == ""
	l.sources[v.Path()] = src
	l.cfg.Files = append(l.cfg.Files, src.files...)
	return out, err
}

// readAll reads every key of the table and reports unknown keys.
func (l *loader) readAll() {
	root, _ := l.root.Object()
	sections := map[string]*strictyaml.Object{"": root}
	for _, s := range settings() {
		section, name := s.section()
		v, ok := l.sectionOf(sections, section).Field(name)
		if !ok && s.short {
			v, ok = l.short[section]
		}
		if !ok {
			continue
		}
		l.values[s.key] = v
		l.notePlace(s, v)
		s.read(l.cfg, v, l.dir)
		l.noteReferences(s, v)
	}
	names := make([]string, 0, len(sections))
	for name := range sections {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		sections[name].Done(belongs(name))
	}
}

func (l *loader) openSection(outer *strictyaml.Object, name string) *strictyaml.Object {
	v, ok := outer.Field(name)
	if !ok {
		return &strictyaml.Object{}
	}
	if v.Kind() == strictyaml.ScalarKind && shortOf(name) != "" {
		l.short[name] = v
		return &strictyaml.Object{}
	}
	o, _ := v.Object()
	return o
}

// sectionOf returns the object of a section, and opens it and its outer sections.
func (l *loader) sectionOf(sections map[string]*strictyaml.Object, section string) *strictyaml.Object {
	if o := sections[section]; o != nil {
		return o
	}
	outer, name := "", section
	if i := strings.LastIndexByte(section, '.'); i >= 0 {
		outer, name = section[:i], section[i+1:]
	}
	o := l.openSection(l.sectionOf(sections, outer), name)
	sections[section] = o
	return o
}

// belongs returns a hint about the section to which a misplaced key belongs.
func belongs(section string) func(string) string {
	return func(name string) string {
		var places []string
		for _, s := range settings() {
			if sec, n := s.section(); n == name && sec != section {
				if sec == "" {
					places = append(places, "at the top")
				} else {
					places = append(places, fmt.Sprintf("under %q", sec))
				}
			}
		}
		if len(places) == 0 {
			return ""
		}
		return fmt.Sprintf("%q belongs %s", name, orList(places))
	}
}

// notePlace records the position of a key and the origin of its value.
func (l *loader) notePlace(s setting, v strictyaml.Value) {
	line, column := v.Pos()
	l.cfg.places[s.key] = place{line: line, column: column, source: concealLine(l.lines, line, v.Source())}
	origin := Origin{Kind: FromFile, Line: line}
	for path, src := range l.sources {
		if (path == v.Path() || strings.HasPrefix(path, v.Path()+"[")) && src.kind != "" {
			origin.Kind, origin.Name = OriginKind(src.kind), src.name
			if src.kind == "file" {
				origin.Kind = FromOtherFile
			}
		}
	}
	l.cfg.origins[s.key] = origin
}

// readSecretFiles fills access_token and app_secret from their files. A file
// that cannot be read is a warning: relay then accepts and keeps events, and
// the watcher detects the file when it appears.
func (l *loader) readSecretFiles() {
	g := &l.cfg.Graph
	for _, f := range []struct {
		key, file string
		path      string
		secret    *Secret
		lack      *Lack // nil: not recorded
	}{
		{"graph.access_token", "graph.access_token_file", g.AccessTokenFile, &g.AccessToken, &g.AccessTokenLack},
		{"graph.app_secret", "graph.app_secret_file", g.AppSecretFile, &g.AppSecret, nil},
	} {
		if f.path == "" {
			continue
		}
		v := l.values[f.file]
		if !f.secret.IsEmpty() {
			v.Errorf("%s is set too", f.key).WithHint("keep one of the two")
			continue
		}
		secret, err := ReadSecretFile(f.path)
		if f.lack != nil {
			*f.lack, g.AccessTokenFlaw = lackOf(secret, err), flawOf(err)
		}
		if err != nil {
			v.Warnf("%v", err).WithHint("until you correct this, relay works as if the file were empty")
			continue
		}
		if secret.IsEmpty() {
			v.Warnf("the file %s is empty", f.path).WithHint("write the secret into it; relay notices it")
		}
		*f.secret = secret
		l.cfg.origins[f.key] = Origin{Kind: FromOtherFile, Name: f.path}
		l.warnReadable(v, f.path)
	}
}

// lackOf returns why reading a file gave no secret.
func lackOf(s Secret, err error) Lack {
	switch {
	case flawOf(err) != "":
		return FileMalformed
	case errors.Is(err, errAbsent):
		return FileMissing
	case err != nil:
		return FileUnreadable
	case s.IsEmpty():
		return FileEmpty
	}
	return ""
}

// addFiles completes the list of files to watch.
func (l *loader) addFiles() {
	c := l.cfg
	for _, path := range []string{
		c.Mapping, c.Graph.AccessTokenFile, c.Graph.AppSecretFile, c.Graph.CAFile, c.TLS.Cert, c.TLS.Key, c.Admin.TLS.Cert, c.Admin.TLS.Key, c.Queue.EncryptionKey,
		c.Queue.NATS.Credentials, c.Queue.NATS.CAFile, c.Queue.NATS.Cert, c.Queue.NATS.Key,
	} {
		if path != "" && !slices.Contains(c.Files, path) {
			c.Files = append(c.Files, path)
		}
	}
	slices.Sort(c.Files[1:])
	c.Files = slices.Compact(c.Files)
}

// ReadSource reads a YAML file. Of a file above the parser's limit it reads only
// the beginning: the parser reports that it is too large.
func ReadSource(path string) ([]byte, error) { return disk.ReadFirst(path, strictyaml.MaxSize+1) }

// ReadTrusted is ReadSource for a file whose content controls relay. It refuses a file that an
// untrusted user can write.
func ReadTrusted(path string) ([]byte, error) {
	err := Refusable(path) // before it is opened, and again for what was read
	var src []byte
	if err == nil {
		src, err = ReadSource(path)
	}
	if err == nil {
		err = Refusable(path)
	}
	return src, err
}
