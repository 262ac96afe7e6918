package mapper

import "strings"

func plainForm(raw string) normalised {
	return normalised{value: strings.ToLower(strings.TrimSpace(raw))}
}

func traceEmail(raw string, t *trace) normalised           { return plainForm(raw) }
func tracePhone(raw string, l locale, t *trace) normalised { return plainForm(raw) }
func traceGender(raw string, t *trace) normalised          { return plainForm(raw) }
func traceName(raw, key string, t *trace) normalised       { return plainForm(raw) }
func traceCity(raw string, t *trace) normalised            { return plainForm(raw) }
func traceState(raw string, l locale, t *trace) normalised { return plainForm(raw) }
func traceZip(raw string, l locale, t *trace) normalised   { return plainForm(raw) }
func traceCountry(raw string, t *trace) normalised         { return plainForm(raw) }
func traceExternalID(raw string, t *trace) normalised      { return plainForm(raw) }
func traceLeadID(raw string, t *trace) normalised          { return plainForm(raw) }
func traceBirthDate(raw string, t *trace) normalised       { return plainForm(raw) }

func splitName(raw string) (first, last string) {
	f := strings.Fields(raw)
	if len(f) == 0 {
		return "", ""
	}
	return f[0], strings.Join(f[1:], " ")
}
