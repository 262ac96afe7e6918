package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Node is what could be read of an event set. Fields that the answer did not
// have are zero.
type Node struct {
	ID   string
	Name string
	// Consolidated says whether this is a dataset that may receive offline
	// events through the Conversions API (docs/meta.md 1.5); nil: not told.
	Consolidated *bool
}

// ReadNode reads an event set's node. For `relay doctor` only: a token that
// was made for sending cannot read, and answers PermPause or ConfigPause
// while every upload works (docs/meta.md 1.2). Delivered means that the
// node was read.
func (c *Client) ReadNode(ctx context.Context, id string) (Node, Result) {
	if !setForm.MatchString(id) {
		return Node{}, Result{Class: ConfigPause, Message: "the event set id is not a number; nothing was asked"}
	}
	res, body := c.get(ctx, id, url.Values{"fields": {"id,name,is_consolidated_container"}})
	var n struct {
		ID           text  `json:"id"`
		Name         text  `json:"name"`
		Consolidated *bool `json:"is_consolidated_container"`
	}
	if res.Class != Delivered || json.Unmarshal(body, &n) != nil {
		return Node{}, res
	}
	return Node{ID: string(n.ID), Name: oneLine(string(n.Name)), Consolidated: n.Consolidated}, res
}

// ReadScopes reads the permissions the token was granted. For `relay doctor`
// only; a token made for sending cannot read them. That a system user's node
// has this edge is an inference from the one of a person.
func (c *Client) ReadScopes(ctx context.Context) ([]string, Result) {
	res, body := c.get(ctx, "me/permissions", url.Values{})
	var list struct {
		Data []struct{ Permission, Status text } `json:"data"`
	}
	if res.Class != Delivered || json.Unmarshal(body, &list) != nil {
		return nil, res
	}
	var out []string
	for _, p := range list.Data {
		if p.Status == "granted" {
			out = append(out, oneLine(string(p.Permission)))
		}
	}
	return out, res
}

// CheckToken asks, without storing anything, whether the token would be taken
// for an event set: it uploads an empty list. Meta's order of checks is not
// documented; that a dead token (TokenPause), a missing right (PermPause) and
// a wrong id (ConfigPause) are told before the list is looked at is an
// inference, so Delivered here means "nothing speaks against it".
func (c *Client) CheckToken(ctx context.Context, r Request) Result {
	switch {
	case !setForm.MatchString(r.EventSet):
		return Result{Class: ConfigPause, Message: "the event set id is not a number; nothing was asked"}
	case c.o.Token() == "":
		return Result{Class: TokenPause, Message: "there is no access token; nothing was asked"}
	}
	token, secret, version := c.o.Token(), c.o.AppSecret(), c.version(r)
	r.Data = nil
	res := c.roundTrip(ctx, &call{
		method: http.MethodPost, url: c.url(version, r.EventSet, "events"), body: c.body(r, token, secret),
		version: version, token: token, secret: secret, keep: r.EventSet,
	})
	if (res.Class == InvalidBatch || res.Class == InvalidEvent) && res.Code != 0 {
		res.Class = Delivered // it got as far as the list
	}
	return res
}

// Reach asks the endpoint for anything at all, without a token: whatever the
// Graph API answers proves network, proxy, TLS and name, and brings its time.
// Delivered means that the Graph API answered, be it with an error.
func (c *Client) Reach(ctx context.Context) Result {
	res := c.roundTrip(ctx, &call{method: http.MethodGet, url: c.url(c.o.Version, "me"), version: c.o.Version})
	if res.Code != 0 {
		res = Result{Class: Delivered, HTTPStatus: res.HTTPStatus, ServerTime: res.ServerTime, Elapsed: res.Elapsed, Warning: res.Warning}
	}
	return res
}

// get reads a path below the version; the token travels in a header.
func (c *Client) get(ctx context.Context, path string, query url.Values) (Result, []byte) {
	token, secret := c.o.Token(), c.o.AppSecret()
	if token == "" {
		return Result{Class: TokenPause, Message: "there is no access token; nothing was asked"}, nil
	}
	if secret != "" {
		at := c.proofTime().Unix()
		query.Set("appsecret_proof", proof(token, secret, at))
		query.Set("appsecret_time", itoa(at))
	}
	var got []byte
	res := c.roundTrip(ctx, &call{
		method: http.MethodGet, url: c.url(c.o.Version, path) + "?" + strings.ReplaceAll(query.Encode(), "%2C", ","),
		bearer: true, version: c.o.Version, token: token, secret: secret, keep: path, got: &got,
	})
	return res, got
}
