package graph

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"relay/internal/meta"
)

// maxAnswer is how much of an answer is read, after decompression. Meta's
// largest answer, a legacy error that lists 2,000 events, is far smaller.
const maxAnswer = 2 << 20

// proofTolerance is the clock difference above which appsecret_time uses Meta's
// clock instead of this machine's. A proof is stale after 5 minutes (docs/meta.md
// 1.3), and wrong clocks are common on tills.
const proofTolerance = 30 * time.Second

// setForm matches an event set id. Ids are numbers; anything that could change
// the URL's path is refused before the request is made.
var setForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// Send uploads one batch and returns its outcome. It blocks until the answer
// has been read, there was no progress for Options.Timeout, or ctx is done. An
// empty batch is Delivered without a request.
func (c *Client) Send(ctx context.Context, r Request) Result {
	start := time.Now()
	res := c.send(ctx, r)
	res.Elapsed = time.Since(start)
	return res
}

func (c *Client) send(ctx context.Context, r Request) Result {
	if len(r.Data) == 0 {
		return Result{Class: Delivered, Message: "nothing to send"}
	}
	if !setForm.MatchString(r.EventSet) {
		return Result{Class: ConfigPause, Message: "the event set id is not a number; nothing was sent"}
	}
	token := c.o.Token()
	if token == "" {
		return Result{Class: TokenPause, Message: "there is no access token; nothing was sent"}
	}
	secret := c.o.AppSecret()
	version := c.version(r)
	post := func() Result {
		body := c.body(r, token, secret)
		res := c.roundTrip(ctx, &call{
			method: http.MethodPost, url: c.url(version, r.EventSet, "events"), body: body,
			version: version, sent: len(r.Data), token: token, secret: secret, keep: r.EventSet,
		})
		return res
	}
	before := c.proofTime()
	res := post()
	// A proof made with a wrong clock is refused as a wrong signature. The
	// refusal contains the right time, and Meta stored nothing, so retry once.
	if secret != "" && res.ProofRefused() && ctx.Err() == nil && c.proofTime().Sub(before).Abs() > time.Minute {
		res = post()
	}
	return res
}

// version returns the API version for the request's format.
func (c *Client) version(r Request) string {
	if r.API == meta.Offline {
		return c.o.OfflineVersion
	}
	return c.o.Version
}

// body returns the request body: Data unchanged, followed by all other fields.
func (c *Client) body(r Request, token, secret string) pieces {
	p := make(pieces, 0, 2*len(r.Data)+2)
	open := []byte(`{"data":[`)
	sep := open
	for _, d := range r.Data {
		p = append(p, sep, d)
		sep = comma
	}
	if len(r.Data) == 0 {
		p = append(p, open)
	}
	var b bytes.Buffer
	b.WriteByte(']')
	field := func(name, value string) {
		if value == "" {
			return
		}
		v, _ := json.Marshal(value) // a string always encodes
		b.WriteString(`,"` + name + `":`)
		b.Write(v)
	}
	field("access_token", token)
	field("upload_tag", r.UploadTag)
	if r.API != meta.Offline { // the legacy API does not have these (docs/meta.md 2.3)
		field("test_event_code", r.TestEventCode)
		field("partner_agent", c.o.PartnerAgent)
	}
	if secret != "" {
		at := c.proofTime().Unix()
		field("appsecret_proof", proof(token, secret, at))
		b.WriteString(`,"appsecret_time":` + itoa(at))
	}
	b.WriteByte('}')
	return append(p, b.Bytes())
}

var comma = []byte{','}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// proof returns the timestamped appsecret_proof (docs/meta.md 1.3).
func proof(token, secret string, unix int64) string {
	m := hmac.New(sha256.New, []byte(secret))
	io.WriteString(m, token+"|"+itoa(unix))
	return hex.EncodeToString(m.Sum(nil))
}

// proofTime returns the time now, by Meta's clock if this machine's is known to
// be wrong.
func (c *Client) proofTime() time.Time {
	now := c.o.Now()
	if skew := time.Duration(c.skew.Load()); skew.Abs() > proofTolerance {
		now = now.Add(-skew)
	}
	return now
}

// call is one HTTP exchange.
type call struct {
	method  string
	url     string
	body    pieces
	bearer  bool // token in the Authorization header, as reads need it
	version string
	sent    int // events in the body
	token   string
	secret  string
	keep    string  // an id that Message can show
	got     *[]byte // receives the answer's body; nil: not wanted
}

// roundTrip makes the call and classifies the outcome.
func (c *Client) roundTrip(parent context.Context, k *call) Result {
	ctx, up := startExchange(parent, c.o.Timeout)
	defer up.done()
	req, err := http.NewRequestWithContext(ctx, k.method, k.url, nil)
	if err != nil {
		return Result{Class: ConfigPause, Message: "the endpoint is not a valid URL; nothing was sent"}
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept", "application/json")
	if k.bearer {
		req.Header.Set("Authorization", "Bearer "+k.token)
	}
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = k.body.size()
		req.GetBody = func() (io.ReadCloser, error) { return k.body.reader(up.progress), nil }
		req.Body = k.body.reader(up.progress)
	}
	clean := cleaner{secrets: []string{k.token, k.secret}, keep: k.keep}
	start := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		class, uploaded := Retry, up.uploaded()
		if uploaded == UploadWhole {
			class = Doubt
		}
		failure, text := clean.failure(parent, ctx, up, err)
		return Result{Class: class, Sent: k.sent, Upload: uploaded, Failure: failure, Message: text}
	}
	defer resp.Body.Close()
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	a := answer{
		status: resp.StatusCode, header: resp.Header, body: body,
		cut:  readErr != nil || len(body) > maxAnswer,
		sent: k.sent, version: k.version, now: c.o.Now(), clean: clean,
	}
	res := a.result()
	res.Sent, res.Upload = k.sent, up.uploaded()
	if k.got != nil {
		*k.got = body
	}
	res.Elapsed = time.Since(start)
	if skew, ok := res.Skew(a.now, time.Duration(c.skew.Load())); ok {
		c.skew.Store(int64(skew))
	}
	return res
}
