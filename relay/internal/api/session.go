package api

import "time"

// PageLink is the answer to POST /api/v1/page: a link that signs a browser in.
type PageLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Session is the answer to POST /api/v1/session: the token that the browser then sends as
// Authorization: Bearer.
type Session struct {
	Session   string    `json:"session"`
	ExpiresAt time.Time `json:"expires_at"`
}
