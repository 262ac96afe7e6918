package sidecar

import (
	"runtime"
	"runtime/debug"

	"relay/relay/internal/api"
)

// version is set by the linker in releases.
var version = ""

// Build returns the version of this binary.
func Build() api.Build {
	b := api.Build{Version: version, GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		if b.Version == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	return b
}
