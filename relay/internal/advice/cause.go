package advice

import "relay/internal/meta"

// causes is the advice for codes that need more than that of their class
// (meta.Code.Cause).
var causes = map[string]Advice{
	"blocked": {
		Cause: "blocked", What: "Meta has temporarily blocked the account or app for a violation of its policies.",
		Who: MetaAdmin, Do: "look into Account Quality in Business Manager", Relay: "relay keeps the events and continues when the block ends.",
	},
	"account_restricted": {
		Cause: "account_restricted", What: "Meta no longer allows this account to advertise or to manage its datasets; this does not end by itself.",
		Who: MetaAdmin, Do: "look into Account Quality in Business Manager and ask Meta for a review", Relay: relayProbes,
	},
	"event_set_wrong": {
		Cause: "event_set_wrong", What: "Meta does not know this event set, or the access token has no access to it.",
		Who: MetaAdmin, Do: "compare the id in the mapping with Events Manager (the dataset's Settings), and " + assignDataset, Relay: relayProbes,
	},
	"data_use": {
		Cause: "data_use", What: "Meta requires a choice about Limited Data Use.",
		Who: Operator, Do: "set limited_data_use in the mapping, or make the choice in Events Manager", Relay: relayProbes,
	},
	"version_retired": {
		Cause: "version_retired", What: "Meta no longer offers this version of its API, or not to the app that made the token.",
		Who: Operator, Do: "set graph.version to a current one (`relay doctor` shows when each ends)", Relay: relayProbes,
	},
	"path_unknown": {
		Cause: "path_unknown", What: "Meta does not know the path that relay calls.",
		Who: Operator, Do: "check graph.endpoint and graph.version in relay.yaml", Relay: relayProbes,
	},
	"token_app_removed": tokenInvalid("The owner of the access token has removed its app."),
	"token_unconfirmed": {
		Cause: "token_invalid", What: "Facebook requires the owner of the access token to confirm the account.",
		Who:   TokenOwner,
		Do:    "log in at facebook.com and confirm the account; if Meta refuses the token after that, " + MetaAdmin + " must make a new one " + tokenHow,
		Relay: relayReloads,
	},
	"token_password": tokenInvalid("The access token became invalid because its owner's password was changed; a system user's token would not."),
	"token_expired":  tokenInvalid("The access token has expired."),
}

// causeOf returns the advice for a code, if it has a cause. A row without a subcode
// applies to subcodes without a row of their own.
func causeOf(code, subcode int) (Advice, bool) {
	row, ok := meta.CodeOf(code, subcode)
	if !ok {
		row, _ = meta.CodeOf(code, 0)
	}
	a, ok := causes[row.Cause]
	return a, ok
}
