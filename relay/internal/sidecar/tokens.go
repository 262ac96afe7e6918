package sidecar

import (
	"crypto/sha256"
	"encoding/hex"
	"sync/atomic"

	"relay/config"
	"relay/internal/logs"
	"relay/relay/internal/advice"
)

// tokens holds the current access token and app secret.
type tokens struct{ current atomic.Pointer[tokenPair] }

type tokenPair struct {
	token, secret string
	name          string // identifies the pair without revealing it; "": no token
	lack          string // why there is no token, for advice.NoToken
}

// NewTokens returns the tokens in g.
func NewTokens(g config.Graph) *tokens {
	t := &tokens{}
	t.set(g)
	return t
}

// set replaces the tokens and reports whether they changed.
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

// warnNoToken logs a missing access token and the reason.
func (s *Sidecar) warnNoToken() {
	if t := s.tokens.current.Load(); t.name == "" && !s.forwards() {
		s.log.Warn("no access token", "code", logs.NoToken, "advice", advice.NoToken(t.lack).String())
	}
}

// account returns the name of the account that the rate limit of a lane belongs to: the
// token, or the key for the hub.
func (s *Sidecar) account(string) string {
	if s.forwards() {
		return "forward"
	}
	return s.tokens.name()
}
