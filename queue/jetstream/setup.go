package jetstream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"relay/internal/disk"
)

// ErrSetup says that the servers are not set up as a log needs them: nothing was
// stored, and nothing will be.
var ErrSetup = errors.New("the NATS servers are not set up for a queue")

const (
	streams    = 3
	minMinor   = 15      // of version 2
	minPayload = 8 << 20 // a request is one message
	madeBy     = "queue 1"
)

var nameOK = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func setup(text string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrSetup, fmt.Sprintf(text, a...))
}

// checkOptions refuses what no server can mend.
func checkOptions(o *Options) error {
	switch {
	case !nameOK.MatchString(o.Name):
		return setup("the name %q: letters, digits, - and _, at most 64", o.Name)
	case len(o.URLs) == 0:
		return setup("no server is given: list all of them")
	case o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5:
		return setup("%d replicas: 3 or 5", o.Replicas)
	case o.Replicas == 1 && !o.AcceptLoss:
		return setup("1 replica loses every event with its server: use 3, or say i_accept_loss: true")
	}
	return checkCredentials(o.Credentials)
}

// checkServers looks at every server that can be reached.
func (l *Log) checkServers(ctx context.Context) error {
	seen := 0
	var last error
	for i, c := range l.servers.conns {
		if !c.IsConnected() {
			if err := refusedBy(l.o.URLs[i], c.LastError(), l.servers.why(l.o.URLs[i])); err != nil {
				return err
			}
			last = c.LastError()
			continue
		}
		seen++
		if err := fit(l.o.URLs[i], c); err != nil {
			return err
		}
	}
	if seen == 0 {
		return fmt.Errorf("no server of %s can be reached: %w", strings.Join(l.o.URLs, ", "), cmp.Or(last, nats.ErrNoServers))
	}
	if l.o.AssumeSync {
		return nil
	}
	asked := 0
	for i, c := range l.servers.conns {
		said, err := l.syncs(ctx, i, c)
		if err != nil {
			return err
		}
		if said {
			asked++
		}
	}
	if asked == 0 {
		return fmt.Errorf("no server answers /varz: %w", nats.ErrNoServers)
	}
	return nil
}

// refusedBy is why a server that is not connected will not be: it refuses who asks.
func refusedBy(url string, errs ...error) error {
	for _, err := range errs {
		untrusted, _ := errors.AsType[*tls.CertificateVerificationError](err)
		alert, _ := errors.AsType[*net.OpError](err)
		switch {
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
			return setup("%s refuses the credentials (%v): name a .creds file of a user that may use JetStream", url, err)
		case untrusted != nil:
			return setup("%s shows a certificate that is not trusted (%v): name the authority that signed it in ca_file", url, untrusted.Err)
		case alert != nil && alert.Op == "remote error", errors.Is(err, nats.ErrTLS):
			return setup("%s refuses the TLS connection (%v): if it wants a certificate of its clients, set cert and key", url, err)
		case errors.Is(err, nats.ErrSecureConnWanted):
			return setup("%s offers no TLS: give it a certificate, or write nats:// in urls", url)
		}
	}
	return nil
}

// checkCredentials refuses a file that is none of credentials: nats.go would say no more than
// that no server is there.
func checkCredentials(file string) error {
	if file == "" {
		return nil
	}
	b, err := disk.ReadFile(file, 1<<20)
	switch {
	case err != nil:
		return setup("credentials: %v", err)
	case !bytes.Contains(b, []byte("BEGIN NATS USER JWT")) || !bytes.Contains(b, []byte("BEGIN USER NKEY SEED")):
		return setup("credentials: %s is no .creds file: it holds a JWT and a seed, as `nsc generate creds` writes them", file)
	}
	return nil
}

// fit is why a log may not lie on a server, as far as the connection says.
func fit(url string, c *nats.Conn) error {
	if v := c.ConnectedServerVersion(); !versionOK(v) {
		return setup("%s runs version %s: 2.%d or newer is needed", url, v, minMinor)
	}
	if n := c.MaxPayload(); n < minPayload {
		return setup("%s takes messages of %d bytes, and a request may need %d: set max_payload: 8MB on every server", url, n, minPayload)
	}
	return nil
}

// syncs is why a server would lose what it confirms. One that is down says nothing: it is
// asked when it is back.
func (l *Log) syncs(ctx context.Context, i int, c *nats.Conn) (said bool, err error) {
	at, err := l.monitor(i)
	if err != nil {
		return false, err
	}
	v, err := varz(ctx, at)
	switch {
	case err != nil && !c.IsConnected():
		return false, nil
	case err != nil:
		return false, setup("%s does not say whether it syncs (%v): open its monitoring port, or name it in monitor, or say sync: assumed if sync_interval is always", at, err)
	case !versionOK(v.Version):
		return false, setup("%s runs version %s: 2.%d or newer is needed", at, v.Version, minMinor)
	case v.JetStream.Config == nil:
		return false, setup("%s has JetStream switched off", at)
	case !v.JetStream.Config.SyncAlways:
		return false, setup("%s confirms events before they are on its disk, and a power cut loses them: set sync_interval: always in its jetstream section", at)
	}
	return true, nil
}

func versionOK(v string) bool {
	major, rest, _ := strings.Cut(v, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err == nil && err2 == nil && (a > 2 || a == 2 && b >= minMinor)
}

// monitor is where server i answers /varz.
func (l *Log) monitor(i int) (string, error) {
	if len(l.o.Monitor) > i {
		return strings.TrimSuffix(l.o.Monitor[i], "/") + "/varz", nil
	}
	u, err := url.Parse(l.o.URLs[i])
	if err != nil || u.Hostname() == "" {
		return "", setup("%q is no URL of a server", l.o.URLs[i])
	}
	return "http://" + u.Hostname() + ":8222/varz", nil
}

type varzAnswer struct {
	Version   string `json:"version"`
	JetStream struct {
		Config *struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

func varz(ctx context.Context, at string) (v varzAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return v, fmt.Errorf("ask: %w", err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return v, fmt.Errorf("ask: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return v, fmt.Errorf("status %d", answer.StatusCode)
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 4<<20)).Decode(&v); err != nil {
		return v, fmt.Errorf("read answer: %w", err)
	}
	return v, nil
}

// The streams by number: those of events, and behind them the others.
const (
	deadAt = streams + iota
	idsAt
	rowsAt
	allStreams
)

func (l *Log) stream(i int) string {
	switch i {
	case deadAt:
		return l.deadStream()
	case idsAt:
		return l.idStream()
	case rowsAt:
		return l.rowStream()
	}
	return l.eventStream(i)
}

func (l *Log) eventStream(i int) string { return fmt.Sprintf("%s-%d", l.o.Name, i) }
func (l *Log) deadStream() string       { return l.o.Name + "-dead" }
func (l *Log) idStream() string         { return l.o.Name + "-ids" }
func (l *Log) rowStream() string        { return "KV_" + l.o.Name + "-rows" }
func (l *Log) rowSubject() string       { return "$KV." + l.o.Name + "-rows." }

// makeStreams makes the streams that are not there, and says when each was made.
func (l *Log) makeStreams(ctx context.Context) (made [allStreams]int64, err error) {
	base := api.StreamConfig{
		Storage: api.FileStorage, Replicas: l.o.Replicas, Retention: api.LimitsPolicy, Discard: api.DiscardNew,
		AllowDirect: true, Metadata: map[string]string{"relay": madeBy}, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1, MaxMsgSize: -1,
	}
	errs := make(chan error, allStreams)
	for i := range made {
		c := base
		switch c.Name = l.stream(i); i {
		case deadAt:
			c.Subjects, c.MaxBytes = []string{l.o.Name + ".dead"}, l.o.DeadMaxSize
		case idsAt:
			c.Subjects, c.MaxAge, c.AllowMsgTTL = []string{l.o.Name + ".ids"}, max(l.o.SaleWindow, l.o.DedupWindow), true
		case rowsAt:
			c.Subjects, c.MaxMsgsPerSubject, c.AllowRollup = []string{l.rowSubject() + ">"}, 1, true
		default:
			c.Subjects, c.MaxBytes, c.Duplicates = []string{fmt.Sprintf("%s.ev.%d", l.o.Name, i)}, l.o.MaxSize/streams, 2*time.Minute
		}
		go func() {
			info, err := l.makeStream(ctx, c)
			made[i] = info.Created.UnixNano()
			errs <- err
		}()
	}
	for range made {
		if e := <-errs; e != nil && err == nil {
			err = e
		}
	}
	return made, err
}

func (l *Log) info(ctx context.Context, stream string) (info api.StreamInfo, err error) {
	return info, l.servers.api(ctx, "STREAM.INFO."+stream, nil, &info)
}

func (l *Log) makeStream(ctx context.Context, c api.StreamConfig) (api.StreamInfo, error) {
	info, err := l.info(ctx, c.Name)
	if is(err, errNoStream) {
		if err := l.servers.api(ctx, "STREAM.CREATE."+c.Name, c, &info); err != nil {
			if no, ok := errors.AsType[*apiError](err); ok && !no.later() {
				return info, setup("stream %s with %d replicas: %v", c.Name, c.Replicas, no)
			}
			return info, err
		}
	} else if err != nil {
		return info, err
	}
	switch {
	case info.Config.Metadata["relay"] != madeBy:
		return info, setup("stream %s is there and is not relay's: give the queue another name, or remove it", c.Name)
	case info.Config.Replicas < 3 && !l.o.AcceptLoss:
		return info, setup("stream %s has %d replicas, 3 are needed: nats stream edit %s --replicas 3", c.Name, info.Config.Replicas, c.Name)
	case info.Config.MaxBytes != c.MaxBytes: // the size was changed since
		resized := info.Config
		resized.MaxBytes = c.MaxBytes
		err := l.servers.api(ctx, "STREAM.UPDATE."+c.Name, resized, &info)
		if no, ok := errors.AsType[*apiError](err); ok && !no.later() {
			return info, setup("stream %s cannot be given %d bytes: %v", c.Name, c.MaxBytes, no)
		}
		return info, err
	}
	return info, nil
}
