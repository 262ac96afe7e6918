package advice

import (
	"regexp"
	"slices"
	"strings"

	"relay/config"
)

// configKey matches the keys of relay.yaml that are in a section.
var configKey = regexp.MustCompile(`\b[a-z]+(?:\.[a-z_]+)+\b`)

// WithRestart appends to a fix, which is one or more sentences, that relay must be restarted
// if the fix names keys of relay.yaml that relay reads only when it starts. It leaves a fix
// alone that already tells the reader to start relay.
func WithRestart(fix string) string {
	if strings.Contains(fix, "start relay") {
		return fix
	}
	var keys []string
	for _, key := range configKey.FindAllString(fix, -1) {
		if config.NeedsRestart(key) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return fix
	}
	return fix + " Restart relay after changing " + strings.Join(keys, " or ") + "."
}
