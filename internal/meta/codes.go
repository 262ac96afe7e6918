package meta

import (
	"math"
	"slices"
)

// Code is an error of Meta's. A row without a subcode applies to every subcode without its own row:
// Meta adds texts and subcodes, but the meaning of a code does not change.
type Code struct {
	Code, To int    // To: the last code of a range; 0: one code
	Subcode  int    // 0: none, or any
	Text     string // how Meta's text begins, in lower case: only if nothing else distinguishes the errors (docs/meta.md 6.7, 6.8)
	Meaning  string
	Class    string // what relay does: the name of a class of package graph
	Event    string // what is wrong with the event, for package advice; "": only that it is refused
	Cause    string // its cause in package advice, if that says more than the class; "": the class's advice
	HTTP     string // the status it came with, if an answer, a fixture or the 4xx rule of SUP shows it; "": unknown
	Fact
}

// Codes, and subcodes of code 100, that relay acts on by name.
const (
	InvalidParameter = 100
	EventTooOld      = 2804003
	EventInFuture    = 2804004
	InvalidToken     = 190
)

// codes, sorted by code and subcode where possible.
var codes = []Code{
	{Code: math.MinInt, To: -1, Meaning: "internal Meta error; real cause in subcode", Class: "retry", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 1, Meaning: "unknown error; possibly downtime", Class: "retry", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 1, Subcode: 99, Meaning: "unknown error (bad level argument in insights)", Class: "retry", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 1, Text: "please reduce the amount of data", Meaning: "reads only so far; ask for fewer items", Class: "too_much", HTTP: "500", Fact: Fact{"O: facebook-python-business-sdk #470; O: facebook-nodejs-business-sdk #60; O: singer-io/tap-facebook #65; O: macbre/farerskie-kadry-feed #14 (2026-06-16; v25.0)", "2026-11-26"}},
	{Code: 2, Meaning: "service temporarily down", Class: "retry", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 3, Meaning: "method needs a capability or permission the app lacks", Class: "permission", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 4, Meaning: "app call limit reached (is_transient true seen)", Class: "throttle", Fact: Fact{"M: GRL; O: facebook-nodejs-business-sdk #97", "2026-11-26"}},
	{Code: 4, Subcode: 1504022, Meaning: "too many calls from app (insights)", Class: "throttle", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 4, Subcode: 1504039, Meaning: "too many calls from app (insights)", Class: "throttle", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 10, Meaning: "app lacks permission or it was removed", Class: "permission", Fact: Fact{"M: GER; M: DQO", "2026-11-26"}},
	{Code: 12, Meaning: "field or feature removed in this version; not seen on events", Class: "config", Cause: "version_retired", HTTP: "400", Fact: Fact{"O: moviepilot/zuck #22 (2015); O: arsduo/koala #420 (2014)", "2026-11-26"}},
	{Code: 17, Meaning: "user call limit reached", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 17, Subcode: 2446079, Meaning: "ad account API limit reached", Class: "throttle", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 17, Subcode: 1885172, Meaning: "account spend limit changed too often", Class: "not_applicable", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 32, Meaning: "Pages API call limit reached", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 100, Meaning: "invalid parameter; offending event not named", Class: "invalid_batch", HTTP: "4xx", Fact: Fact{"M: REF", "2026-11-26"}},
	{Code: 100, Text: "invalid appsecret_proof", Meaning: "type GraphMethodException; secret or token of another app; no event at fault; not seen on events", Class: "config", HTTP: "400", Fact: Fact{"O: facebook-python-business-sdk #528; O: botkit #1455; O: restfb #1118", "2026-11-26"}},
	{Code: 100, Text: "api calls from the server require an appsecret_proof", Meaning: "type GraphMethodException; no event at fault; not seen on events", Class: "config", HTTP: "400", Fact: Fact{"O: Yoctol/bottender #271; O: php-graph-sdk #984; O: android-simple-facebook #160", "2026-11-26"}},
	{Code: 100, Text: "missing permission", Meaning: "type OAuthException; token may not do this; reads of the dataset with an Events Manager token", Class: "permission", HTTP: "400", Fact: Fact{"O: PRB", "2026-11-26"}},
	{Code: 100, Subcode: 33, Meaning: "object does not exist or no rights or operation unsupported (wrong dataset id or token not assigned)", Class: "config", Cause: "event_set_wrong", HTTP: "400", Fact: Fact{"M: MER; T: RS networkHandler.js", "2026-11-26"}},
	{Code: 100, Subcode: 2804001, Meaning: "permanent per RudderStack; meaning not found", Class: "invalid_event", HTTP: "4xx", Fact: Fact{"T: RS networkHandler.js", "2026-11-26"}},
	{Code: 100, Subcode: EventTooOld, Meaning: "event_time too old (more than 7 days)", Class: "invalid_event", Event: "it is too old for Meta", HTTP: "400", Fact: Fact{"O: LIV; T: RS fixtures", "2026-11-26"}},
	{Code: 100, Subcode: EventInFuture, Meaning: "event_time in the future", Class: "invalid_event", Event: "its time is in the future", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804007, Meaning: "permanent per RudderStack; meaning not found", Class: "invalid_event", HTTP: "4xx", Fact: Fact{"T: RS networkHandler.js", "2026-11-26"}},
	{Code: 100, Subcode: 2804008, Meaning: "contents item without id", Class: "invalid_event", Event: "an item of contents has no id", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804009, Meaning: "Purchase without value", Class: "invalid_event", Event: "a Purchase has no value", HTTP: "400", Fact: Fact{"T: RS facebook_pixel fixtures", "2026-11-26"}},
	{Code: 100, Subcode: 2804010, Meaning: "Purchase without currency", Class: "invalid_event", Event: "a Purchase has no currency", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804016, Meaning: "user parameter not hashed", Class: "invalid_event", Event: "a customer field is not hashed or is empty", HTTP: "4xx", Fact: Fact{"O: facebook-java-business-sdk #421", "2026-11-26"}},
	{Code: 100, Subcode: 2804017, Meaning: "permanent per RudderStack; meaning not found", Class: "invalid_event", HTTP: "4xx", Fact: Fact{"T: RS networkHandler.js", "2026-11-26"}},
	{Code: 100, Subcode: 2804019, Meaning: "server-side parameter error such as a missing required member", Class: "invalid_event", Event: "a required field is missing", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804023, Meaning: "value without currency", Class: "invalid_event", Event: "a value has no currency", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804030, Meaning: "Limited Data Use choice required (July 2020 only)", Class: "config", Cause: "data_use", HTTP: "4xx", Fact: Fact{"O: ISS #25, #26", "2026-11-26"}},
	{Code: 100, Subcode: 2804036, Meaning: "invalid lead_id", Class: "invalid_event", Event: "its lead_id is not valid", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804043, Meaning: "invalid extended device info (app events)", Class: "invalid_event", HTTP: "400", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804048, Meaning: "permanent per RudderStack; meaning not found", Class: "invalid_event", HTTP: "4xx", Fact: Fact{"T: RS networkHandler.js", "2026-11-26"}},
	{Code: 100, Subcode: 2804050, Meaning: "customer information missing or too broad to match; production refusal of an event with a country only", Class: "invalid_event", Event: "too little is known about the customer to find anybody", HTTP: "4xx", Fact: Fact{"C: WOO (2026-09-16); T", "2026-11-26"}},
	{Code: 100, Subcode: 2804063, Meaning: "messaging channel missing", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804066, Meaning: "event name not allowed for messaging", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804069, Meaning: "page_id missing (messaging)", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804079, Meaning: "ig_account_id missing (messaging)", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804087, Meaning: "ctwa_clid unknown (messaging)", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804116, Meaning: "page or WhatsApp account id missing (messaging)", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804117, Meaning: "messaging or WhatsApp events", Class: "not_applicable", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804118, Meaning: "messaging or WhatsApp events", Class: "not_applicable", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 2804132, Meaning: "dataset not linked to the WhatsApp account", Class: "not_applicable", HTTP: "4xx", Fact: Fact{"T", "2026-11-26"}},
	{Code: 100, Subcode: 1815356, Meaning: "legacy: array of offline events invalid; error_data carries event_index", Class: "invalid_batch", Fact: Fact{"O: ISS #26", "2026-11-26"}},
	{Code: 100, Subcode: 2044011, Meaning: "legacy: progress range overlaps one already uploaded", Class: "duplicate", Fact: Fact{"C: UPL batchSenders.js; O: marketing-data-file-uploader #13", "2026-11-26"}},
	{Code: 102, Meaning: "session or token expired or revoked", Class: "token", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 104, Meaning: "incorrect signature (app secret proof)", Class: "config", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 105, Meaning: "too many parameters", Class: "config", Fact: Fact{"T: RS networkHandler.js", "2026-11-26"}},
	{Code: InvalidToken, Meaning: "access token invalid (401 observed for an unparseable token)", Class: "token", HTTP: "401 or 400", Fact: Fact{"M: GER; O: LIV", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 458, Meaning: "app not installed for the user", Class: "token", Cause: "token_app_removed", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 459, Meaning: "user checkpointed", Class: "token", Cause: "token_unconfirmed", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 460, Meaning: "password changed", Class: "token", Cause: "token_password", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 463, Meaning: "token expired", Class: "token", Cause: "token_expired", HTTP: "400", Fact: Fact{"M: GER; T: RS fixtures", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 464, Meaning: "user unconfirmed", Class: "token", Cause: "token_unconfirmed", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 467, Meaning: "token invalid", Class: "token", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: InvalidToken, Subcode: 492, Meaning: "session invalid (page role)", Class: "token", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 200, Meaning: "permission error", Class: "permission", HTTP: "403", Fact: Fact{"M: REF; T: RS fixtures", "2026-11-26"}},
	{Code: 200, To: 299, Meaning: "permission not granted or removed", Class: "permission", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 275, Meaning: "target object of the request cannot be determined (legacy upload)", Class: "config", Cause: "event_set_wrong", Fact: Fact{"O: ISS #16", "2026-11-26"}},
	{Code: 294, Meaning: "ads_management permission or allow-listed app needed", Class: "permission", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 341, Meaning: "application limit reached; temporary", Class: "throttle", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 368, Meaning: "temporarily blocked for policy violation", Class: "throttle", Cause: "blocked", Fact: Fact{"M: GER; M: PIX (2026-09-12)", "2026-11-26"}},
	{Code: 506, Meaning: "duplicate post", Class: "not_applicable", Fact: Fact{"M: GER", "2026-11-26"}},
	{Code: 613, Meaning: "custom rate limit; without subcode = abuse prevention limit", Class: "throttle", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 613, Subcode: 1996, Meaning: "irregular request volume from app", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 613, Subcode: 1487225, Meaning: "ads created too often for the daily spend limit", Class: "not_applicable", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 613, Subcode: 1487632, Meaning: "ad set budget changed too often", Class: "not_applicable", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 613, Subcode: 1487742, Meaning: "too many calls from the ad account", Class: "throttle", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 613, Subcode: 5044001, Meaning: "too many mutations per second on the ad account", Class: "throttle", Fact: Fact{"M: MRL", "2026-11-26"}},
	{Code: 803, Meaning: "object id unknown", Class: "config", Cause: "event_set_wrong", Fact: Fact{"T", "2026-11-26"}},
	{Code: 2500, Meaning: "path or query not understood (unknown path components)", Class: "config", Cause: "path_unknown", HTTP: "400", Fact: Fact{"M: PIX; O: PRB", "2026-11-26"}},
	{Code: 2635, Meaning: "deprecated API version called; seen on events in 2020 (type OAuthException; no subcode)", Class: "config", Cause: "version_retired", Fact: Fact{"O: facebook-ruby-business-sdk #115 (2020-11-12); O: facebook-nodejs-business-sdk #178 (2020-11-12); O: ISS #32; M: reference of ad-account/offline_conversion_data_sets", "2026-11-26"}},
	{Code: 5000, Meaning: "unknown error", Class: "retry", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 21009, Meaning: "data set upload temporarily not ready", Class: "retry", HTTP: "400", Fact: Fact{"T: RS networkHandler.js and fixtures", "2026-11-26"}},
	{Code: 80000, Meaning: "business-use-case limit: ads insights; seen with subcode 2446079", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80001, Meaning: "business-use-case limit: pages", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80002, Meaning: "business-use-case limit: instagram", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80003, Meaning: "business-use-case limit: custom audience; seen with subcode 2446079", Class: "throttle", HTTP: "400 or 429", Fact: Fact{"M: GRL; T: RS fixtures", "2026-11-26"}},
	{Code: 80004, Meaning: "business-use-case limit: ads management; also listed for reads of the dataset and its stats; seen with subcode 2446079", Class: "throttle", Fact: Fact{"M: GRL; M: PIX (2026-09-12)", "2026-11-26"}},
	{Code: 80005, Meaning: "business-use-case limit: leadgen", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80006, Meaning: "business-use-case limit: messenger", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80007, Meaning: "business-use-case limit: not named; listed as one of 80000–80009", Class: "throttle", Fact: Fact{"M: GRL, MRL", "2026-11-26"}},
	{Code: 80008, Meaning: "business-use-case limit: whatsapp management", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80009, Meaning: "business-use-case limit: catalog management", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 80014, Meaning: "business-use-case limit: catalog batch", Class: "throttle", Fact: Fact{"M: GRL", "2026-11-26"}},
	{Code: 1357045, Meaning: "empty answer (name used by Meta's legacy uploader)", Class: "retry", Fact: Fact{"C: UPL graphAPIUtils.js", "2026-11-26"}},
	{Code: 1404078, Meaning: "temporarily blocked from this action", Class: "throttle", Cause: "blocked", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 1404163, Meaning: "account no longer allowed to advertise or to manage advertising assets; not temporary", Class: "permission", Cause: "account_restricted", Fact: Fact{"M: MER (2026-09-12)", "2026-11-26"}},
	{Code: 2044055, Meaning: "dataset id does not exist (Dataset Quality API)", Class: "config", Cause: "event_set_wrong", Fact: Fact{"M: DQO", "2026-11-26"}},
	{Code: 2859015, Meaning: "temporarily blocked from this action", Class: "throttle", Cause: "blocked", Fact: Fact{"M: MER", "2026-11-26"}},
	{Code: 3910001, Meaning: "account trouble; try later", Class: "retry", Fact: Fact{"M: MER", "2026-11-26"}},
}

// Codes returns the known errors.
func Codes() []Code { return slices.Clone(codes) }

// CodeOf returns the row of a code and subcode, if it has its own.
func CodeOf(code, subcode int) (Code, bool) {
	i := slices.IndexFunc(codes, func(c Code) bool { return c.Code == code && c.Subcode == subcode && c.To == 0 && c.Text == "" })
	if i < 0 {
		return Code{}, false
	}
	return codes[i], true
}
