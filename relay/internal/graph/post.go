package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// Posted is the answer to a Post. Its Err is empty when there was one; Upload and
// TooSlow are as in Result.
type Posted struct {
	Status  int
	Header  http.Header
	Body    []byte // at most 2 MiB
	Upload  Upload
	TooSlow bool
	Err     string // what the network said, without the URL
}

// Post sends a body of another protocol to a path below the endpoint, within the
// limits in time that an upload has: a hub is called over the same connections as Meta.
func (c *Client) Post(parent context.Context, path, contentType, bearer string, body []byte) Posted {
	ctx, up := begin(parent, c.o.Timeout)
	defer up.done()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(path), nil)
	if err != nil {
		return Posted{Err: "the address makes no valid URL"}
	}
	parts := pieces{body}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.ContentLength = parts.size()
	req.GetBody = func() (io.ReadCloser, error) { return parts.reader(up.took), nil }
	req.Body = parts.reader(up.took)
	resp, err := c.http.Do(req)
	if err != nil {
		clean := cleaner{secrets: []string{bearer}}
		return Posted{Upload: up.left(), TooSlow: errors.Is(context.Cause(ctx), errUpload), Err: clean.network(parent, ctx, err)}
	}
	defer resp.Body.Close()
	p := Posted{Status: resp.StatusCode, Header: resp.Header}
	p.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	p.Upload, p.Body = up.left(), bytes.TrimSpace(p.Body)
	if err != nil {
		p.Status, p.Err = 0, "the answer was cut off"
	}
	if p.Status != http.StatusOK && p.Status != http.StatusTooManyRequests && p.Status != http.StatusRequestEntityTooLarge {
		c.tr.CloseIdleConnections() // behind a balancer, the next call may reach another relay
	}
	return p
}
