package api

import "time"

// PageLink is POST /api/v1/page: where a browser signs in.
type PageLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Session is POST /api/v1/session: what a browser sends from then on as
// Authorization: Bearer.
type Session struct {
	Session   string    `json:"session"`
	ExpiresAt time.Time `json:"expires_at"`
}
