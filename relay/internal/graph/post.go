package graph

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// Posted is the answer to a Post. Upload and Failure are as in Result.
type Posted struct {
	Status  int // 0: no answer
	Header  http.Header
	Body    []byte // at most 2 MiB
	Upload  Upload
	Failure Failure
	Err     string // the network error without the URL; "" when there was an answer
}

// Post sends a body of another protocol to a path below the endpoint. A hub is
// called with it, so that the same transport and time limits apply as for Meta.
func (c *Client) Post(parent context.Context, path, contentType, bearer string, body []byte) Posted {
	ctx, up := startExchange(parent, c.o.Timeout)
	defer up.done()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(path), nil)
	if err != nil {
		return Posted{Err: "the address is not a valid URL"}
	}
	parts := pieces{body}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.ContentLength = parts.size()
	req.GetBody = func() (io.ReadCloser, error) { return parts.reader(up.progress), nil }
	req.Body = parts.reader(up.progress)
	clean := cleaner{secrets: []string{bearer}}
	resp, err := c.http.Do(req)
	if err != nil {
		failure, text := clean.failure(parent, ctx, up, err)
		return Posted{Upload: up.uploaded(), Failure: failure, Err: text}
	}
	defer resp.Body.Close()
	p := Posted{Status: resp.StatusCode, Header: resp.Header}
	p.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	p.Upload, p.Body = up.uploaded(), bytes.TrimSpace(p.Body)
	if err != nil {
		p.Status, p.Err = 0, "the answer was incomplete"
		p.Failure, _ = clean.failure(parent, ctx, up, err)
	}
	if p.Status != http.StatusOK && p.Status != http.StatusTooManyRequests && p.Status != http.StatusRequestEntityTooLarge {
		c.tr.CloseIdleConnections() // behind a load balancer, a new connection can reach another relay
	}
	return p
}
