package mapper

import "relay/internal/meta"

// Option changes how one call of Map, MapLane or Explain sees an event.
type Option func(*settings)

type settings struct {
	noAge bool
	api   meta.API
}

// WithoutAgeChecks turns the reasons expired and future off, for as long as the
// machine's clock is not believed.
func WithoutAgeChecks() Option { return func(s *settings) { s.noAge = true } }

// OverrideAPI maps to one wire format whatever the mapping says; "" changes
// nothing.
func OverrideAPI(api meta.API) Option { return func(s *settings) { s.api = api } }
