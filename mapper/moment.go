package mapper

import (
	"encoding/json"
	"time"
)

// ReadTime reads a JSON value as the moment an event happened, as findTime
// does; loc is for date-times without a zone. Importers ask it before they
// store an event, because one whose time cannot be read would happen now.
func ReadTime(value []byte, loc *time.Location) (time.Time, bool) {
	var v any
	if len(value) == 0 {
		return time.Time{}, false
	}
	if c := value[0]; c == '-' || '0' <= c && c <= '9' {
		return parseTime(&node{kind: isNumber, text: string(value)}, loc)
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return time.Time{}, false
	}
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	return parseTime(&node{kind: isText, text: s}, loc)
}
