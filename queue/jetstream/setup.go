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

// ErrSetup means that the servers are not set up as a log needs them: nothing was stored, and
// nothing will be until that is fixed.
var ErrSetup = errors.New("the NATS servers are not set up for a queue")

const (
	streams       = 3
	minMinor      = 15        // of version 2
	minPayload    = 8 << 20   // a request is one message
	metadataValue = "queue 2" // the format of rows and letters
)

var nameOK = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func setupError(text string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrSetup, fmt.Sprintf(text, a...))
}

// checkOptions rejects options that are wrong whatever the servers' state.
func checkOptions(o *Options) error {
	switch {
	case !nameOK.MatchString(o.Name):
		return setupError("the name %q is invalid: use letters, digits, - and _, at most 64", o.Name)
	case len(o.URLs) == 0:
		return setupError("no server is configured: list all of them")
	case o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5:
		return setupError("%d replicas are not supported: use 3 or 5", o.Replicas)
	case o.Replicas == 1 && !o.AcceptLoss:
		return setupError("1 replica loses every event with its server: use 3, or set i_accept_loss: true")
	}
	return checkCredentials(o.Credentials)
}

// checkServers checks every server that can be reached.
func (l *Log) checkServers(ctx context.Context) error {
	seen := 0
	var last error
	for i, c := range l.servers.conns {
		if !c.IsConnected() {
			if err := refusal(l.options.URLs[i], c.LastError(), l.servers.connectError(l.options.URLs[i])); err != nil {
				return err
			}
			last = c.LastError()
			continue
		}
		seen++
		if err := checkServer(l.options.URLs[i], c); err != nil {
			return err
		}
	}
	if seen == 0 {
		return fmt.Errorf("no server of %s can be reached: %w", strings.Join(l.options.URLs, ", "), cmp.Or(last, nats.ErrNoServers))
	}
	if l.options.AssumeSync {
		return nil
	}
	checked := 0
	for i, c := range l.servers.conns {
		answered, err := l.checkSync(ctx, i, c)
		if err != nil {
			return err
		}
		if answered {
			checked++
		}
	}
	if checked == 0 {
		return fmt.Errorf("no server answered /varz: %w", nats.ErrNoServers)
	}
	return nil
}

// refusal explains why a server that is not connected refuses the connection; nil if it does not.
func refusal(url string, errs ...error) error {
	for _, err := range errs {
		untrusted, _ := errors.AsType[*tls.CertificateVerificationError](err)
		alert, _ := errors.AsType[*net.OpError](err)
		switch {
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
			return setupError("%s refuses the credentials (%v): set a .creds file of a user that may use JetStream", url, err)
		case untrusted != nil:
			return setupError("%s has a certificate that is not trusted (%v): set ca_file to the authority that signed it", url, untrusted.Err)
		case alert != nil && alert.Op == "remote error", errors.Is(err, nats.ErrTLS):
			return setupError("%s refuses the TLS connection (%v): if it requires client certificates, set cert and key", url, err)
		case errors.Is(err, nats.ErrSecureConnWanted):
			return setupError("%s does not offer TLS: give it a certificate, or use nats:// in urls", url)
		}
	}
	return nil
}

// checkCredentials rejects a file that is not a credentials file: nats.go would report only that no
// server is available.
func checkCredentials(file string) error {
	if file == "" {
		return nil
	}
	b, err := disk.ReadFile(file, 1<<20)
	switch {
	case err != nil:
		return setupError("credentials: %v", err)
	case !bytes.Contains(b, []byte("BEGIN NATS USER JWT")) || !bytes.Contains(b, []byte("BEGIN USER NKEY SEED")):
		return setupError("credentials: %s is not a .creds file: such a file holds a JWT and a seed, as `nsc generate creds` writes them", file)
	}
	return nil
}

// checkServer returns why a log must not be stored on a server, as far as the connection shows.
func checkServer(url string, c *nats.Conn) error {
	if v := c.ConnectedServerVersion(); !versionOK(v) {
		return setupError("%s runs version %s: 2.%d or newer is required", url, v, minMinor)
	}
	if n := c.MaxPayload(); n < minPayload {
		return setupError("%s accepts messages of at most %d bytes, and a request may need %d: set max_payload: 8MB on every server", url, n, minPayload)
	}
	return nil
}

// checkSync returns why a server would lose confirmed messages. A server that is down is checked
// when it comes back: answered is then false.
func (l *Log) checkSync(ctx context.Context, i int, c *nats.Conn) (answered bool, err error) {
	at, err := l.monitorURL(i)
	if err != nil {
		return false, err
	}
	v, err := varz(ctx, at)
	switch {
	case err != nil && !c.IsConnected():
		return false, nil
	case err != nil:
		return false, setupError("%s does not report whether it syncs (%v): open its monitoring port, or set its address in monitor, or set sync: assumed if its sync_interval is always", at, err)
	case !versionOK(v.Version):
		return false, setupError("%s runs version %s: 2.%d or newer is required", at, v.Version, minMinor)
	case v.JetStream.Config == nil:
		return false, setupError("%s has JetStream switched off", at)
	case !v.JetStream.Config.SyncAlways:
		return false, setupError("%s confirms events before they are on its disk, and a power cut loses them: set sync_interval: always in its jetstream section", at)
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

// monitorURL is where server i answers /varz.
func (l *Log) monitorURL(i int) (string, error) {
	if len(l.options.Monitor) > i {
		return strings.TrimSuffix(l.options.Monitor[i], "/") + "/varz", nil
	}
	u, err := url.Parse(l.options.URLs[i])
	if err != nil || u.Hostname() == "" {
		return "", setupError("%q is not the URL of a server", l.options.URLs[i])
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
		return v, fmt.Errorf("send request: %w", err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return v, fmt.Errorf("send request: %w", err)
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

// The streams by number: first the event streams, then the others.
const (
	deadAt = streams + iota
	idsAt
	rowsAt
	allStreams
)

func (l *Log) streamName(i int) string {
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

func (l *Log) eventStream(i int) string { return fmt.Sprintf("%s-%d", l.options.Name, i) }
func (l *Log) deadStream() string       { return l.options.Name + "-dead" }
func (l *Log) idStream() string         { return l.options.Name + "-ids" }
func (l *Log) rowStream() string        { return "KV_" + l.options.Name + "-rows" }
func (l *Log) rowSubject() string       { return "$KV." + l.options.Name + "-rows." }

// createStreams creates missing streams and returns when each stream was created.
func (l *Log) createStreams(ctx context.Context) (made [allStreams]int64, err error) {
	base := api.StreamConfig{
		Storage: api.FileStorage, Replicas: l.options.Replicas, Retention: api.LimitsPolicy, Discard: api.DiscardNew,
		AllowDirect: true, Metadata: map[string]string{"relay": metadataValue}, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1, MaxMsgSize: -1,
	}
	errs := make(chan error, allStreams)
	for i := range made {
		c := base
		switch c.Name = l.streamName(i); i {
		case deadAt:
			c.Subjects, c.MaxBytes = []string{l.options.Name + ".dead"}, l.options.DeadMaxSize
		case idsAt:
			c.Subjects, c.MaxAge, c.AllowMsgTTL = []string{l.options.Name + ".ids"}, max(l.options.SaleWindow, l.options.DedupWindow), true
		case rowsAt:
			c.Subjects, c.MaxMsgsPerSubject, c.AllowRollup = []string{l.rowSubject() + ">"}, 1, true
		default:
			c.Subjects, c.MaxBytes, c.Duplicates = []string{fmt.Sprintf("%s.ev.%d", l.options.Name, i)}, l.options.MaxSize/streams, 2*time.Minute
		}
		go func() {
			info, err := l.createStream(ctx, c)
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

func (l *Log) createStream(ctx context.Context, c api.StreamConfig) (api.StreamInfo, error) {
	info, err := l.info(ctx, c.Name)
	if hasCode(err, codeNoStream) {
		if err := l.servers.api(ctx, "STREAM.CREATE."+c.Name, c, &info); err != nil {
			if no, ok := errors.AsType[*apiError](err); ok && !no.temporary() {
				return info, setupError("stream %s with %d replicas: %v", c.Name, c.Replicas, no)
			}
			return info, err
		}
	} else if err != nil {
		return info, err
	}
	switch {
	case info.Config.Metadata["relay"] != metadataValue:
		return info, setupError("stream %s exists and is not relay's: give the queue another name, or remove the stream", c.Name)
	case info.Config.Replicas < 3 && !l.options.AcceptLoss:
		return info, setupError("stream %s has %d replicas, 3 are required: nats stream edit %s --replicas 3", c.Name, info.Config.Replicas, c.Name)
	case info.Config.MaxBytes != c.MaxBytes: // the configured size changed
		resized := info.Config
		resized.MaxBytes = c.MaxBytes
		err := l.servers.api(ctx, "STREAM.UPDATE."+c.Name, resized, &info)
		if no, ok := errors.AsType[*apiError](err); ok && !no.temporary() {
			return info, setupError("stream %s cannot be resized to %d bytes: %v", c.Name, c.MaxBytes, no)
		}
		return info, err
	}
	return info, nil
}
