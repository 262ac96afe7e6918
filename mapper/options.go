package mapper

import "relay/internal/meta"

// Option changes one call of Map, MapLane or Explain.
type Option func(*settings)

type settings struct {
	noAge bool
	api   meta.API
}

// WithoutAgeChecks disables the reasons expired and future, for use while the system clock is
// not trusted.
func WithoutAgeChecks() Option { return func(s *settings) { s.noAge = true } }

// OverrideAPI maps to the given wire format regardless of the mapping. "" changes nothing.
func OverrideAPI(api meta.API) Option { return func(s *settings) { s.api = api } }
