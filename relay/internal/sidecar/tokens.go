package sidecar

import (
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"

	"relay/config"
	"relay/internal/logs"
	"relay/relay/internal/advice"
)

// tokens hands the access token and app secret in force to those who send.
type tokens struct{ current atomic.Pointer[tokenPair] }

type tokenPair struct {
	token, secret string
	name          string // tells tokens apart without being one; empty: none
	lack          string // why there is none, as advice.NoToken takes it
}

// NewTokens takes the first ones from relay.yaml.
func NewTokens(g config.Graph) *tokens {
	t := &tokens{}
	t.set(g)
	return t
}

// set reports whether anything changed.
func (t *tokens) set(g config.Graph) bool {
	p := tokenPair{token: g.AccessToken.Reveal(), secret: g.AppSecret.Reveal(), lack: string(g.AccessTokenLack)}
	if p.token != "" {
		sum := sha256.Sum256([]byte("relay token name\x00" + p.token + "\x00" + p.secret))
		p.name = hex.EncodeToString(sum[:6])
	}
	old := t.current.Swap(&p)
	return old == nil || *old != p
}

func (t *tokens) token() string  { return t.current.Load().token }
func (t *tokens) secret() string { return t.current.Load().secret }
func (t *tokens) name() string   { return t.current.Load().name }
func (t *tokens) lack() string   { return t.current.Load().lack }

// sayNoToken says that there is no access token, if so, and why.
func (s *Sidecar) sayNoToken() {
	if t := s.tokens.current.Load(); t.name == "" && !s.forwards() {
		s.log.Warn("no access token", "code", logs.NoToken, "advice", advice.NoToken(t.lack).String())
	}
}

// account names what limits the rate of a lane: the token, or the one key for the hub.
func (s *Sidecar) account(string) string {
	if s.forwards() {
		return "forward"
	}
	return s.tokens.name()
}
