package advice

import "relay/internal/meta"

// causes are what a row of Meta's codes (meta.Code.Cause) says more than its class.
var causes = map[string]Advice{
	"blocked": {
		Cause: "blocked", What: "Meta has blocked the account or app for a while because of its rules.",
		Who: MetaAdmin, Do: "look into Account Quality in Business Manager", Relay: "relay keeps the events and goes on when the block ends.",
	},
	"account_restricted": {
		Cause: "account_restricted", What: "Meta no longer allows this account to advertise or to manage its datasets; this does not end by itself.",
		Who: MetaAdmin, Do: "look into Account Quality in Business Manager and ask Meta for a review", Relay: probes,
	},
	"event_set_wrong": {
		Cause: "event_set_wrong", What: "Meta does not know this event set, or the access token has no access to it.",
		Who: MetaAdmin, Do: "compare the id in the mapping with Events Manager (the dataset's Settings), and " + assign, Relay: probes,
	},
	"data_use": {
		Cause: "data_use", What: "Meta wants a choice about Limited Data Use.",
		Who: Operator, Do: "set limited_data_use in the mapping, or choose in Events Manager", Relay: probes,
	},
	"version_retired": {
		Cause: "version_retired", What: "Meta does not serve this version of its API any more, or not to the app that made the token.",
		Who: Operator, Do: "set graph.version to a current one (`relay doctor` says until when it lives)", Relay: probes,
	},
	"path_unknown": {
		Cause: "path_unknown", What: "Meta does not know the path that relay calls.",
		Who: Operator, Do: "check graph.endpoint and graph.version in relay.yaml", Relay: probes,
	},
	"token_app_removed": tokenInvalid("The owner of the access token has removed its app."),
	"token_unconfirmed": {
		Cause: "token_invalid", What: "Facebook wants the owner of the access token to confirm the account.",
		Who:   TokenOwner,
		Do:    "log in at facebook.com and confirm the account; if Meta refuses the token after that, " + MetaAdmin + " must make a new one " + tokenHow,
		Relay: notices,
	},
	"token_password": tokenInvalid("The access token ended because its owner's password was changed; a system user's token does not."),
	"token_expired":  tokenInvalid("The access token has expired."),
}

// byRow is what the row of a code says, where that is more than its class does. A row
// without a subcode holds for those that have none of their own.
func byRow(code, subcode int) (Advice, bool) {
	row, ok := meta.CodeOf(code, subcode)
	if !ok {
		row, _ = meta.CodeOf(code, 0)
	}
	a, ok := causes[row.Cause]
	return a, ok
}
