package ingest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"relay/relay/internal/track"
)

// success is the answer that SDKs expect, byte for byte.
const success = `{"success":true}`

// failure is an error answer. Its texts are constant or contain a byte offset; they reveal
// nothing of the request.
type failure struct {
	status  int
	code    string
	message string
	retry   int   // seconds; 0: no Retry-After
	reads   []int // the forward versions that are supported
	close   bool
}

func (f *failure) Error() string { return f.message }

// Error answers that do not depend on the request.
var (
	failPath     = &failure{status: 404, code: "not_found", message: "there is no such path; see POST /v1/batch and POST /v1/track"}
	failMethod   = &failure{status: 405, code: "method_not_allowed", message: "use POST"}
	failOrigin   = &failure{status: 403, code: "forbidden_origin", message: "web pages of this origin are not allowed to send events; see allowed_origins"}
	failHost     = &failure{status: 403, code: "forbidden_host", message: "this Host is not a name of this machine; see allowed_hosts"}
	failKey      = &failure{status: 401, code: "invalid_write_key", message: "the write key is missing or wrong"}
	failEvent    = &failure{status: 403, code: "event_not_allowed", message: "this write key is not allowed to send this event"}
	failEncoding = &failure{status: 415, code: "unsupported_encoding", message: "the only supported Content-Encoding is gzip"}
	failGzip     = &failure{status: 400, code: "invalid_gzip", message: "the body is not valid gzip"}
	failCut      = &failure{status: 400, code: "incomplete_body", message: "the body ended early", close: true}
	failSlow     = &failure{status: 408, code: "request_timeout", message: "the body did not arrive in time", retry: 1, close: true}
	failLarge    = &failure{status: 413, code: "request_too_large", message: "the request is over the size limit"}
	failRate     = &failure{status: 429, code: "rate_limited", message: "too many requests", retry: 1}
	failBusy     = &failure{status: 429, code: "busy", message: "too many requests in progress", retry: 1}
	failMemory   = &failure{status: 429, code: "busy", message: "relay is near its memory limit", retry: 2}
	failCrowded  = &failure{status: 429, code: "too_many_connections", message: "too many connections", retry: 1, close: true}
	failStopping = &failure{status: 503, code: "stopping", message: "relay is stopping", retry: 5, close: true}
	failStorage  = &failure{status: 503, code: "storage_unavailable", message: "the event could not be stored", retry: 5}
	failEntry    = &failure{status: 413, code: "event_too_large", message: "an event is larger than the queue can store"}
	failTimeout  = &failure{status: 503, code: "storage_timeout", message: "the disk did not confirm in time", retry: 5}
)

// ofBody returns the answer to an error of reading or parsing a body.
func ofBody(err error) *failure {
	var syntax *track.SyntaxError
	switch {
	case errors.As(err, &syntax):
		message := syntax.Error()
		if syntax.At == 0 { // a form, a page, XML
			message += `; send a track call as JSON: {"event": "Order Completed", "userId": "…", "properties": {…}}`
		}
		return &failure{status: 400, code: "invalid_json", message: message}
	case errors.Is(err, errTooLarge):
		return failLarge
	case errors.Is(err, errBusy):
		return failBusy
	case errors.Is(err, errSlow), errors.Is(err, errEnded):
		return failSlow
	case errors.Is(err, errGzip):
		return failGzip
	case errors.Is(err, errEncoding):
		return failEncoding
	}
	return failCut
}

// ofProblem returns the answer to an unusable body or message.
func ofProblem(p *track.Problem) *failure {
	switch p {
	case nil:
		return nil
	case track.TooLarge, track.TooManyEvents, track.MergedTooLarge:
		return &failure{status: 413, code: p.Code, message: p.Message}
	}
	return &failure{status: 400, code: p.Code, message: p.Message}
}

// Shared header values: net/http only reads them.
var (
	typeJSON    = []string{"application/json"}
	lenSuccess  = []string{strconv.Itoa(len(success))}
	allowed     = []string{"POST, OPTIONS"}
	valueClose  = []string{"close"}
	bodySuccess = []byte(success)
)

func writeSuccess(rw http.ResponseWriter) {
	h := rw.Header()
	h["Content-Type"] = typeJSON
	h["Content-Length"] = lenSuccess
	_, _ = rw.Write(bodySuccess) // a client that is gone will retry
}

// writeFailure answers f. It varies Retry-After a little, so that clients refused together do
// not return together.
func writeFailure(rw http.ResponseWriter, f *failure) {
	h := rw.Header()
	h["Content-Type"] = typeJSON
	if f.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(f.retry+rand.IntN(f.retry/2+1)))
	}
	if f.close {
		h["Connection"] = valueClose
	}
	if f.status == http.StatusMethodNotAllowed {
		h["Allow"] = allowed
	}
	b := append(make([]byte, 0, 256), `{"success":false,"code":"`...)
	b = append(append(b, f.code...), `","message":`...)
	b = quote(b, f.message)
	b = append(b, `,"error":`...)
	b = quote(b, f.message)
	if len(f.reads) > 0 {
		list, _ := json.Marshal(f.reads) // numbers always encode
		b = append(append(b, `,"versions":`...), list...)
	}
	b = append(b, '}')
	h.Set("Content-Length", strconv.Itoa(len(b)))
	rw.WriteHeader(f.status)
	_, _ = rw.Write(b)
}

// rejected is one unusable message of a batch.
type rejected struct {
	index     int
	messageID string
	failure   *failure
}

func writeRejected(rw http.ResponseWriter, list []rejected) {
	b := append(make([]byte, 0, 64+160*len(list)), `{"success":true,"rejected":[`...)
	for k, r := range list {
		if k > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"index":`...), int64(r.index), 10)
		b = quote(append(b, `,"messageId":`...), r.messageID)
		b = append(append(b, `,"code":"`...), r.failure.code...)
		b = append(quote(append(b, `","message":`...), r.failure.message), '}')
	}
	b = append(b, `]}`...)
	h := rw.Header()
	h["Content-Type"] = typeJSON
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = rw.Write(b)
}

func quote(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // an error means that it wrote U+FFFD somewhere
	return b
}

// seconds returns d in whole seconds, rounded up, between 1 and 3600.
func seconds(d time.Duration) int {
	return int(min(max((d+time.Second-1)/time.Second, 1), 3600))
}
