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

// Dir is the directory of what lies on this machine: the queue or, with one on NATS
// servers, the socket of the commands and the audit log alone.
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

// runtimeDir is that of this user, where nobody else can put anything; empty: there is none.
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

// checkNATS checks a queue on NATS servers. What such a queue does not do is refused, not
// left out: whoever wrote it relies on it.
func (l *loader) checkNATS() {
	n := &l.cfg.Queue.NATS
	if !natsName.MatchString(n.Name) {
		l.errorf("queue.nats.name", "expected letters, digits, - and _, at most 64")
	}
	l.checkServers()
	switch {
	case n.Replicas != 1 && n.Replicas != 3 && n.Replicas != 5:
		l.errorf("queue.nats.replicas", "expected 3 or 5")
	case n.Replicas == 1 && !n.AcceptLoss:
		l.errorf("queue.nats.replicas", "with 1 every event that waits is lost with its server").WithHint("write 3, or queue.nats.i_accept_loss: true")
	}
	if n.Credentials != "" && n.User != "" {
		l.errorf("queue.nats.user", "queue.nats.credentials is set too").WithHint("remove one of the two")
	}
	if (n.User == "") != n.Password.IsEmpty() {
		l.errorf("queue.nats.user", "user and password belong together")
	}
	if (n.Cert == "") != (n.Key == "") {
		l.errorf("queue.nats.cert", "cert and key belong together")
	}
	if l.cfg.Dir() == "" {
		l.errorf("admin.socket.path", "is not set, and this user has no runtime directory in which the commands could reach relay").WithHint("set admin.socket.path, to a path in a directory of relay's user")
	}
	for _, not := range []struct{ key, why, hint string }{
		{"queue.path", "queue.nats is set too: the events lie in one of the two", "remove one of the two"},
		{"queue.segment_size", "queue.nats is set: it has no segments", "remove it"},
		{"queue.dedup_ids", "queue.nats is set: every id of the window is remembered", "remove it"},
		{"queue.no_sync", "queue.nats is set: the servers say how they sync", "remove it"},
		{"queue.dead_max_age", "a queue on NATS keeps dead letters until they are dropped", "remove it"},
		{"queue.receipts_max_size", "a relay with queue.nats keeps no receipts", "remove it"},
		{"spool.dir", "a relay with queue.nats takes no dropped files", "drop them at a relay with queue.path"},
		{"forward.url", "a relay with queue.nats forwards nothing", "use queue.path where you forward"},
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
			l.errorf(drops.key, "a queue on NATS drops nothing by itself").WithHint("write reject")
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
			l.errorf("queue.nats.urls", "item %d is not a server such as tls://nats-0:4222", i+1)
		case u.User != nil:
			l.errorf("queue.nats.urls", "item %d has a user in it", i+1).WithHint("write queue.nats.user and queue.nats.password, or queue.nats.credentials")
		case u.Scheme == "nats" && !loopback.Address(u.Hostname()) && l.cfg.Queue.EncryptionKey == "":
			l.warnf("queue.nats.urls", "item %d: customers' data goes to %s in clear", i+1, u.Host).WithHint("write tls://%s, or set queue.encryption_key", u.Host)
		}
	}
	if len(n.Monitor) > 0 && len(n.Monitor) != len(n.URLs) {
		l.errorf("queue.nats.monitor", "has %d addresses for %d servers", len(n.Monitor), len(n.URLs)).WithHint("give one for each, in the order of queue.nats.urls")
	}
	for i, text := range n.Monitor {
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			l.errorf("queue.nats.monitor", "item %d is not an address such as http://nats-0:8222", i+1)
		}
	}
	if n.Replicas > 1 && len(n.URLs) < n.Replicas {
		l.errorf("queue.nats.urls", "%d servers are to hold each event, and the list has %d", n.Replicas, len(n.URLs)).WithHint("list all of them")
	}
}

// isDefault says whether a key has the value that it has when nobody gives it.
func (c *Config) isDefault(s setting) bool {
	if list, ok := s.at(c).(*[]string); ok && len(*list) == 0 && s.def == "" {
		return true
	}
	return reflect.DeepEqual(s.at(c), s.at(Default("")))
}

// checkNoNATS refuses what is meant for a queue on servers that are not named.
func (l *loader) checkNoNATS() {
	for _, s := range settings() {
		if section, _ := s.section(); section != "queue.nats" || s.key == "queue.nats.urls" || l.cfg.isDefault(s) {
			continue
		}
		l.errorf(s.key, "queue.nats.urls is not set").WithHint("name the servers")
		return
	}
}
