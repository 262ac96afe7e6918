package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Node describes an event set. Fields that were missing in the answer are zero.
type Node struct {
	ID   string
	Name string
	// Consolidated reports whether this is a dataset that can receive offline
	// events through the Conversions API (docs/meta.md 1.5); nil: unknown.
	Consolidated *bool
}

// ReadNode reads an event set's node. It is for `relay doctor` only: a token
// made for sending cannot read, so the class is PermPause or ConfigPause even
// while every upload works (docs/meta.md 1.2). Delivered means that the node
// was read.
func (c *Client) ReadNode(ctx context.Context, id string) (Node, Result) {
	if !setForm.MatchString(id) {
		return Node{}, Result{Class: ConfigPause, Message: "the event set id is not a number; no request was made"}
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

// ReadScopes reads the permissions granted to the token. It is for `relay
// doctor` only; a token made for sending cannot read them. Meta documents this
// edge for a person; that a system user has it too is an assumption.
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

// CheckToken checks whether Meta accepts the token for an event set, without
// storing anything: it uploads an empty list. Meta does not document the order
// of its checks. CheckToken assumes that an invalid token (TokenPause), a missing
// permission (PermPause) and a wrong id (ConfigPause) are reported before the
// empty list is. Delivered therefore means only that no problem was found.
func (c *Client) CheckToken(ctx context.Context, r Request) Result {
	switch {
	case !setForm.MatchString(r.EventSet):
		return Result{Class: ConfigPause, Message: "the event set id is not a number; no request was made"}
	case c.o.Token() == "":
		return Result{Class: TokenPause, Message: "there is no access token; no request was made"}
	}
	token, secret, version := c.o.Token(), c.o.AppSecret(), c.version(r)
	r.Data = nil
	res := c.roundTrip(ctx, &call{
		method: http.MethodPost, url: c.url(version, r.EventSet, "events"), body: c.body(r, token, secret),
		version: version, token: token, secret: secret, keep: r.EventSet,
	})
	if (res.Class == InvalidBatch || res.Class == InvalidEvent) && res.Code != 0 {
		res.Class = Delivered // Meta complains about the list, so the earlier checks passed
	}
	return res
}

// Reach makes a request without a token. Any answer of the Graph API proves that
// network, proxy, TLS and name lookup work, and contains its time. Delivered
// means that the Graph API answered, even with an error.
func (c *Client) Reach(ctx context.Context) Result {
	res := c.roundTrip(ctx, &call{method: http.MethodGet, url: c.url(c.o.Version, "me"), version: c.o.Version})
	if res.Code != 0 {
		res = Result{Class: Delivered, HTTPStatus: res.HTTPStatus, ServerTime: res.ServerTime, Elapsed: res.Elapsed, Warning: res.Warning}
	}
	return res
}

// get reads a path below the version, with the token in a header.
func (c *Client) get(ctx context.Context, path string, query url.Values) (Result, []byte) {
	token, secret := c.o.Token(), c.o.AppSecret()
	if token == "" {
		return Result{Class: TokenPause, Message: "there is no access token; no request was made"}, nil
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
