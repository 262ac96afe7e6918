package mapper

// Fold is text as match keys are compared: what nobody sees is out, full-width
// letters and their like are plain ones, in lower case, trimmed (docs/contract.md 5.2).
func Fold(s string) string { return lower(clean(s)) }
