package config

import (
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"relay/internal/loopback"
)

// Dir returns relay's directory on this machine: that of the queue or, with queue.nats,
// one for the commands' socket and the audit log only.
func (c *Config) Dir() string {
	if !c.Queue.NATS.On() {
		return c.Queue.Path
	}
	if p := c.Admin.Socket.Path; p != "" {
		return strings.TrimSuffix(p, filepath.Ext(p)) + ".d"
	}
	if dir := runtimeDir(); dir != "" {
		return filepath.Join(dir, "relay-"+c.Queue.NATS.Name)
	}
	return ""
}

// runtimeDir returns this user's runtime directory, in which no other user can create files; empty: none.
func runtimeDir() string {
	for _, name := range []string{"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"} {
		if dir, _, _ := strings.Cut(os.Getenv(name), string(os.PathListSeparator)); filepath.IsAbs(dir) {
			return dir
		}
	}
	dir := filepath.Join("/run/user", strconv.Itoa(os.Geteuid()))
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return ""
}

var natsName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// checkNATS checks a queue on NATS servers. It refuses keys that such a queue does not
// support instead of ignoring them, because their author relies on them.
func (l *loader) checkNATS() {
	n := &l.cfg.Queue.NATS
	if !natsName.MatchString(n.Name) {
		l.errorf("queue.nats.name", "expected letters, digits, - and _, at most 64").WithHint("the default is relay")
	}
	l.checkServers()
	switch {
	case n.Replicas != 1 && n.Replicas != 3 && n.Replicas != 5:
		l.errorf("queue.nats.replicas", "expected 3 or 5").WithHint("write 3")
	case n.Replicas == 1 && !n.AcceptLoss:
		l.errorf("queue.nats.replicas", "with 1, every pending event is lost with its server").WithHint("write 3, or queue.nats.i_accept_loss: true")
	}
	if n.Credentials != "" && n.User != "" {
		l.errorf("queue.nats.user", "queue.nats.credentials is set too").WithHint("remove one of the two")
	}
	if (n.User == "") != n.Password.IsEmpty() {
		l.errorf("queue.nats.user", "user and password belong together").WithHint("set both, or neither")
	}
	if (n.Cert == "") != (n.Key == "") {
		l.errorf("queue.nats.cert", "cert and key belong together").WithHint("set both, or neither")
	}
	if l.cfg.Dir() == "" {
		l.errorf("admin.socket.path", "is not set, and this user has no runtime directory for the commands' socket").WithHint("set admin.socket.path to a path in a directory of relay's user")
	}
	for _, not := range []struct{ key, why, hint string }{
		{"queue.path", "queue.nats is set too, and the queue can be in only one of them", "remove one of the two"},
		{"queue.segment_size", "a queue on NATS has no segments", "remove it"},
		{"queue.dedup_ids", "a queue on NATS remembers every id of the window", "remove it"},
		{"queue.no_sync", "on NATS the servers decide how they sync", "remove it"},
		{"queue.dead_max_age", "a queue on NATS keeps dead letters until they are dropped", "remove it"},
		{"queue.receipts_max_size", "a relay with queue.nats keeps no receipts", "remove it"},
		{"spool.dir", "a relay with queue.nats takes no dropped files", "drop them at a relay with queue.path"},
		{"forward.url", "a relay with queue.nats cannot forward", "use queue.path at the relay that forwards"},
	} {
		if v, ok := l.values[not.key]; ok && !v.IsNull() {
			if text, ok := textOf(v); ok && (text == "" || text == "0" || text == "false") {
				continue
			}
			l.errorf(not.key, "%s", not.why).WithHint("%s", not.hint)
		}
	}
	for _, drops := range []struct {
		key  string
		full Full
	}{{"queue.full", l.cfg.Queue.Full}, {"queue.dead_full", l.cfg.Queue.DeadFull}} {
		if drops.full == DropOldest {
			l.errorf(drops.key, "a queue on NATS never drops events automatically").WithHint("write reject")
		}
	}
	l.cfg.Queue.Path, l.cfg.Queue.ReceiptsMaxSize = "", 0
}

func (l *loader) checkServers() {
	n := &l.cfg.Queue.NATS
	for i, text := range n.URLs {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "":
			l.errorf("queue.nats.urls", "item %d is not a server such as tls://nats-0:4222", i+1).WithHint("write nats:// or tls://, host and port, without a path")
		case u.User != nil:
			l.errorf("queue.nats.urls", "item %d contains a user", i+1).WithHint("write queue.nats.user and queue.nats.password, or queue.nats.credentials")
		case u.Scheme == "nats" && !loopback.Address(u.Hostname()) && l.cfg.Queue.EncryptionKey == "":
			l.warnf("queue.nats.urls", "item %d: customer data goes to %s unencrypted", i+1, u.Host).WithHint("write tls://%s, or set queue.encryption_key", u.Host)
		}
	}
	if len(n.Monitor) > 0 && len(n.Monitor) != len(n.URLs) {
		l.errorf("queue.nats.monitor", "has %d addresses for %d servers", len(n.Monitor), len(n.URLs)).WithHint("give one for each, in the order of queue.nats.urls")
	}
	for i, text := range n.Monitor {
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			l.errorf("queue.nats.monitor", "item %d is not an address such as http://nats-0:8222", i+1).WithHint("write http:// or https://, host and port")
		}
	}
	if n.Replicas > 1 && len(n.URLs) < n.Replicas {
		l.errorf("queue.nats.urls", "queue.nats.replicas needs %d servers, and the list has %d", n.Replicas, len(n.URLs)).WithHint("list all servers")
	}
}

// isDefault reports whether a key has its default value.
func (c *Config) isDefault(s setting) bool {
	if list, ok := s.at(c).(*[]string); ok && len(*list) == 0 && s.def == "" {
		return true
	}
	return reflect.DeepEqual(s.at(c), s.at(Default("")))
}

// checkNoNATS refuses keys of queue.nats when no servers are named.
func (l *loader) checkNoNATS() {
	for _, s := range settings() {
		if section, _ := s.section(); section != "queue.nats" || s.key == "queue.nats.urls" || l.cfg.isDefault(s) {
			continue
		}
		l.errorf(s.key, "queue.nats.urls is not set").WithHint("set queue.nats.urls, or remove this key")
		return
	}
}
