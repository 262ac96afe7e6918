package meta

// API is one of Meta's two wire formats.
type API string

// The wire formats of docs/contract.md 5.
const (
	Conversions API = "conversions" // Conversions API, action_source physical_store
	Offline     API = "offline"     // the pre-2025 Offline Conversions API
)
