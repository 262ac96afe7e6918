package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode"

	"relay/internal/disk"
	"relay/internal/loopback"
	"relay/internal/strictyaml"
)

// errorf reports a problem of a key at its value. If the key is not in the
// file (a default that another key contradicts), it reports it at the top.
func (l *loader) errorf(key, format string, args ...any) *strictyaml.Problem {
	if v, ok := l.values[key]; ok {
		return v.Errorf(format, args...)
	}
	return l.root.Errorf("%s: %s", key, fmt.Sprintf(format, args...))
}

func (l *loader) warnf(key, format string, args ...any) *strictyaml.Problem {
	p := l.errorf(key, format, args...)
	p.Warning = true
	return p
}

// errorOrder reports that one value exceeds another that bounds it, at
// the key that is in the file.
func (l *loader) errorOrder(small, smallText, large, largeText string) {
	if _, set := l.values[small]; set {
		l.errorf(small, "%s is more than %s (%s)", smallText, large, largeText).WithHint("lower it, or raise %s", large)
		return
	}
	l.errorf(large, "%s is less than %s (%s)", largeText, small, smallText).WithHint("raise it, or lower %s", small)
}

// validate checks rules between several values. It reports every problem and never
// stops at one.
func (l *loader) validate() {
	l.checkListeners()
	l.checkAuth()
	l.checkIntake()
	l.checkAdmin()
	l.checkTLS()
	l.checkGraph()
	l.checkAlerts()
	c := l.cfg
	l.checkForward()
	if c.Mapping == "" && c.Forward.URL == "" {
		l.errorf("mapping", "is empty").WithHint("name the mapping file, such as mapping.yaml")
	}
	if c.Queue.NATS.On() {
		l.checkNATS()
	} else if l.checkNoNATS(); c.Queue.Path == "" {
		l.errorf("queue.path", "is empty").WithHint("name the directory of the queue, such as data")
	}
	l.checkSpool()
	if c.Retry.MinInterval > c.Retry.MaxInterval {
		l.errorOrder("retry.min_interval", durationText(c.Retry.MinInterval), "retry.max_interval", durationText(c.Retry.MaxInterval))
	}
	if c.Queue.NoSync {
		l.warnf("queue.no_sync", "events are answered 200 before they are on disk; a power cut loses them").WithHint("remove it outside measurements")
	}
	if c.Rate.RequestsPerSecond == 0 {
		l.warnf("rate.requests_per_second", "0 means that nothing is uploaded").WithHint("the default is 2")
	}
	l.checkReadable()
}

func (l *loader) checkListeners() {
	c := l.cfg
	intake, ok1 := l.checkAddress("listen", &c.Listen)
	admin, ok2 := l.checkAddress("admin.listen", &c.Admin.Listen)
	if ok1 && ok2 && intake.clashes(admin) {
		key, other, at := "admin.listen", "listen", intake
		if _, set := l.values[key]; !set {
			key, other, at = other, key, admin
		}
		l.errorf(key, "the same address as %s (%s)", other, at).WithHint("give them different ports")
	}
	if c.Health.Listen != "" {
		health, ok := l.checkAddress("health.listen", &c.Health.Listen)
		for _, other := range []struct {
			key string
			at  Address
			ok  bool
		}{{"listen", intake, ok1}, {"admin.listen", admin, ok2}} {
			if ok && other.ok && health.clashes(other.at) {
				l.errorf("health.listen", "the same address as %s (%s)", other.key, other.at).WithHint("give them different ports")
			}
		}
	}
	if ok1 && !intake.Local() && len(c.Auth.WriteKeys) == 0 && len(c.Auth.Keys) == 0 {
		l.errorf("listen", "%s can be reached from other machines, and auth.write_keys is not set", intake).
			WithHint("set auth.write_keys, or listen on 127.0.0.1")
	}
	if ok2 && !admin.Local() {
		for _, need := range []struct {
			key    string
			absent bool
		}{{"admin.token", c.Admin.Token.IsEmpty()}, {"admin.tls", c.Admin.TLS.Cert == "" && c.Admin.TLS.Key == ""}} {
			if need.absent {
				l.errorf("admin.listen", "%s can be reached from other machines, and %s is not set", admin, need.key).
					WithHint("set %s, or listen on 127.0.0.1; probes and Prometheus can use health.listen, and commands need neither", need.key)
			}
		}
	}
}

// checkAdmin refuses a token that can be guessed.
func (l *loader) checkAdmin() {
	a := &l.cfg.Admin
	if a.Socket.Group != "" && a.Socket.Path == "" {
		l.errorf("admin.socket.group", "only relay can enter the queue's directory, so no group can reach the socket in it").
			WithHint("set admin.socket.path to a path in a directory that the group can enter, such as /run/relay/admin.sock")
	}
	if n := len(a.Socket.Path); n > 100 && runtime.GOOS != "windows" {
		l.errorf("admin.socket.path", "has %d bytes; the path of a unix socket can have at most 100", n).WithHint("choose a shorter path, such as /run/relay/admin.sock")
	}
	if a.Token.IsEmpty() {
		return
	}
	if why := WeakToken(a.Token.Reveal()); why != "" {
		l.errorf("admin.token", "%s", why).WithHint("make one: openssl rand -hex 24")
	}
}

// checkAddress reads an address and resolves the path of a unix socket.
func (l *loader) checkAddress(key string, text *string) (Address, bool) {
	a, err := ParseAddress(*text)
	if err != nil {
		l.errorf(key, "%v", err)
		return a, false
	}
	if a.Network == "unix" {
		a.Path = resolvePath(l.dir, a.Path)
	}
	*text = a.String()
	return a, true
}

func (l *loader) checkAuth() {
	seen := []Secret{}
	repeated := func(s Secret) bool {
		for _, k := range seen {
			if k.Equal(s) {
				return true
			}
		}
		seen = append(seen, s)
		return false
	}
	for _, k := range l.cfg.Auth.WriteKeys {
		if repeated(k) {
			l.warnf("auth.write_keys", "the same key is listed twice").WithHint("remove one of the two")
		}
	}
	hashes := map[string]bool{}
	for _, k := range l.cfg.Auth.Keys {
		if k.Hash != "" {
			if hashes[k.Hash] {
				l.errorf("auth.keys", "a key_hash is listed twice").WithHint("give each store keys of its own")
			}
			hashes[k.Hash] = true
			continue
		}
		if repeated(k.Key) {
			l.errorf("auth.keys", "a key is listed twice, so the events it can send are unclear").
				WithHint("list each key once, in auth.write_keys or in auth.keys")
		}
	}
}

func (l *loader) checkIntake() {
	in := l.cfg.Intake
	if in.MaxEventBytes > in.MaxRequestBytes {
		l.errorOrder("intake.max_event_bytes", sizeText(in.MaxEventBytes), "intake.max_request_bytes", sizeText(in.MaxRequestBytes))
	}
	for i, origin := range in.AllowedOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			l.errorf("intake.allowed_origins", "item %d is not an origin", i+1).
				WithHint("write scheme and host without a path, such as https://till.example.com")
		}
	}
	for i, host := range in.AllowedHosts {
		if strings.ContainsAny(host, "/@ ") {
			l.errorf("intake.allowed_hosts", "item %d is not a host name", i+1).WithHint("write the name alone, such as till-server.local")
		}
	}
}

// checkSpool refuses keys of spool without a directory, and a directory that holds the queue.
func (l *loader) checkSpool() {
	if dir := l.cfg.Spool.Dir; dir != "" && !l.cfg.Queue.NATS.On() {
		if rel, err := filepath.Rel(dir, l.cfg.Queue.Path); err == nil && filepath.IsLocal(rel) {
			l.errorf("spool.dir", "the queue (queue.path) is in this directory").WithHint("drop files into another directory: relay takes every file in it")
		}
	}
	for _, s := range settings() {
		if section, _ := s.section(); section != "spool" || l.cfg.Spool.Dir != "" || s.key == "spool.dir" {
			continue
		}
		if v, ok := l.values[s.key]; ok && !v.IsNull() {
			if text, ok := textOf(v); ok && text == s.def {
				continue
			}
			if s.kind == kindColumns && len(l.cfg.Spool.Columns) == 0 {
				continue
			}
			l.errorf(s.key, "spool.dir is not set").WithHint("set spool.dir to the directory that files are dropped into")
			return
		}
	}
}

func (l *loader) checkTLS() {
	t, at := l.cfg.TLS, l.cfg.Admin.TLS
	for _, pair := range []struct {
		name string
		tls  TLS
	}{{"tls", t}, {"admin.tls", at}} {
		switch {
		case pair.tls.Cert != "" && pair.tls.Key == "":
			l.errorf(pair.name+".cert", "%s.key is missing", pair.name).WithHint("add the file of its private key")
		case pair.tls.Key != "" && pair.tls.Cert == "":
			l.errorf(pair.name+".key", "%s.cert is missing", pair.name).WithHint("add the file of the certificate chain")
		}
	}
	for _, f := range []struct{ key, path string }{
		{"tls.cert", t.Cert},
		{"tls.key", t.Key},
		{"admin.tls.cert", at.Cert},
		{"admin.tls.key", at.Key},
		{"graph.ca_file", l.cfg.Graph.CAFile},
		{"queue.encryption_key", l.cfg.Queue.EncryptionKey},
		{"queue.nats.credentials", l.cfg.Queue.NATS.Credentials},
		{"queue.nats.ca_file", l.cfg.Queue.NATS.CAFile},
		{"queue.nats.cert", l.cfg.Queue.NATS.Cert},
		{"queue.nats.key", l.cfg.Queue.NATS.Key},
	} {
		if f.path == "" {
			continue
		}
		if _, err := disk.ReadFile(f.path, 4<<20); err != nil {
			l.errorf(f.key, "open %s: %v", f.path, disk.Bare(err)).WithHint("correct the path, or put the file there so that relay's user can read it")
		}
	}
}

var (
	versionForm = regexp.MustCompile(`^v[1-9][0-9]*\.[0-9]+$`)
	bareVersion = regexp.MustCompile(`^v?([1-9][0-9]*)(\.[0-9]+)?$`)
)

func (l *loader) checkGraph() {
	g := &l.cfg.Graph
	g.Endpoint = strings.TrimRight(g.Endpoint, "/")
	u, err := url.Parse(g.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		l.errorf("graph.endpoint", "expected a URL such as https://graph.facebook.com").WithHint("write scheme and host, or remove the key")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		l.errorf("graph.endpoint", "a user, query or fragment is not allowed here").WithHint("write scheme, host and path only; the token belongs in graph.access_token")
	case u.Scheme == "http" && !loopback.Address(u.Hostname()):
		l.errorf("graph.endpoint", "plain http would send the access token in clear").WithHint("write https://%s", u.Host)
	}
	for key, version := range map[string]string{"graph.version": g.Version, "graph.offline_version": g.OfflineVersion} {
		if versionForm.MatchString(version) {
			continue
		}
		p := l.errorf(key, "expected a version such as v26.0")
		if m := bareVersion.FindStringSubmatch(version); m != nil {
			if m[2] == "" {
				m[2] = ".0"
			}
			p.WithHint("write v%s%s", m[1], m[2])
		}
	}
	if g.Proxy != "" && g.Proxy != "none" {
		l.checkProxy(g.Proxy)
	}
	letters := 0
	for _, r := range g.PartnerAgent {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	if g.PartnerAgent != "" && (len(g.PartnerAgent) > 22 || letters < 2) {
		// docs/meta.md 2.1
		l.errorf("graph.partner_agent", "expected at most 22 characters, at least two of them letters").WithHint("shorten it, or remove the key")
	}
}

func (l *loader) checkProxy(text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
		l.errorf("graph.proxy", "expected a URL such as http://proxy.example.com:3128, or none").WithHint("write the scheme too: http, https, socks5 or socks5h")
	}
}

func (l *loader) checkAlerts() {
	if w := l.cfg.Alerts.Webhook; w != "" {
		u, err := url.Parse(w)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			l.errorf("alerts.webhook", "expected a URL that begins with https://").WithHint("write the whole URL, with https:// in front")
		}
	}
}

// checkReadable warns about secrets that every user of the machine can read.
func (l *loader) checkReadable() {
	if runtime.GOOS == "windows" {
		return
	}
	for _, s := range settings() {
		if s.kind != kindSecret && s.kind != kindSecrets && s.kind != kindKeys {
			continue
		}
		v, ok := l.values[s.key]
		if !ok {
			continue
		}
		for _, path := range l.secretPaths(v) {
			l.warnReadable(v, path)
		}
	}
}

// secretPaths lists the files a secret value's text came from: those it names,
// and relay.yaml itself if the text is written there.
func (l *loader) secretPaths(v strictyaml.Value) []string {
	var paths []string
	for _, item := range v.OneOrList() {
		src, expanded := l.sources[item.Path()]
		paths = append(paths, src.files...)
		if text, ok := textOf(item); ok && text != "" && !expanded {
			paths = append(paths, l.file)
		}
	}
	return paths
}

// warnReadable warns when other users can read the file. For a ConfigMap or
// secret volume, the link's target counts.
func (l *loader) warnReadable(v strictyaml.Value, path string) {
	if !disk.OthersRead(path) {
		return
	}
	v.Warnf("every user of this machine can read the secret in %s", path).WithHint("chmod 640 %s", filepath.Base(path))
}
