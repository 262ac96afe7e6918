package mapper

// referenceTimes is the section of the reference on times.
const referenceTimes = `
## Times

relay reads times in these formats. A time without a zone is in ` + "`timezone`" + `.

- ISO 8601: ` + "`2026-11-20T16:00:27.029Z`" + `, also with a space instead of the T, any fraction, a comma before it, an offset, a zone name, or none; the basic format ` + "`20261120T160027Z`" + `
- seconds, milliseconds, microseconds or nanoseconds since 1970, as a number or as text
- digits: ` + "`YYYYMMDD`" + `, ` + "`YYYYMMDDhhmm`" + `, ` + "`YYYYMMDDhhmmss`" + `
- a date alone, ` + "`2026-11-20`" + `, ` + "`20261120`" + ` or ` + "`20.11.2026`" + `: the first moment of that day in ` + "`timezone`" + `
- the default output of dates in Go, Java, JavaScript, Python, PHP, Ruby, .NET and Swift, and RFC 1123; also the date objects of PHP, MongoDB, Firestore and protobuf
- dates as programs print them for people, in the languages of Europe, in Turkish, Indonesian, Malay, Arabic, Chinese, Japanese and Korean: ` + "`vendredi 20 novembre 2026 à 16h00`" + `,
  ` + "`20 Kas 2026`" + `, ` + "`20 XI 2026`" + `, ` + "`2026年11月20日 16:00`" + `; ` + "`20NOV2026:16:00:27`" + ` and other database formats. ` + "`lip`" + `, ` + "`srp`" + `, ` + "`lis`" + ` and ` + "`listopad`" + ` are read as Polish or Czech, and as Croatian
  with a Croatian timezone
- a date and a time of day from two columns, each with a placeholder for the other: ` + "`20.11.2026 00:00:00 30.12.1899 16:00:27`" + `; if the placeholder 30/12/1899 shows the order of day and month, the other date has the same order
- ` + "`20.11.2026 16:00:27`" + `, day first; ` + "`11/20/2026 4:00:27 PM`" + ` if only one order of day and month is a valid date
- the formats in ` + "`time_format`" + `

Any other date is unreadable. So is a date before 2004 or more than 366 days after the
time of receipt, because a spreadsheet's serial number read as seconds would be a sale in 1970. relay then uses the next source, with a note;
a row of a file is refused. In a date of digits with slashes or dashes and the year last, the order of day and month is ambiguous: set ` + "`time_format`" + `.
Tills that write ` + "`11/10/2026 10:00:00`" + ` need it, also with AM or PM (` + "`11/10/2026 10:00:00 AM`" + `): on the first twelve days of a month either number can be the
day. On other days a date with AM or PM is read, so a wrong date can occur only on these twelve; ` + "`26/11/2026 10:00`" + `, without them, is never read.
`

// referenceOptOut is the section of the reference on integrations.
const referenceOptOut = `
## Opting out

An event is not sent if its ` + "`integrations`" + `, or those in its ` + "`context`" + `, have false for this destination, or false for ` + "`All`" + ` without true or an object for this
destination. Its names are Facebook Offline Conversions, Facebook Conversions API, Facebook Conversions, Meta Conversions API and Meta Offline
Conversions, each also with (Actions), in any case, with spaces, underscores or dashes; a lead id or processing options are read under each of
these names. A false for Facebook Pixel Server-Side, the name of Facebook Conversions API until 2020, counts too.
`

// referencePeople is the part of the section on match keys about how values are found
// and which values are not customers.
const referencePeople = `
Traits are read in any case and with any separators (` + "`firstName`" + `, ` + "`first_name`" + `, ` + "`FirstName`" + `), and under the names that RudderStack, Shopify and tills
use (` + "`firstname`" + `, ` + "`address.zip`" + `, ` + "`phone_number`" + `), in ` + "`context.traits`" + ` and in ` + "`traits`" + ` at the root. A list gives several values, up to
5 of a key; a list that PHP turned into an object, or that came as JSON text, is read as the list. For lead_id, and in the offline format for all keys except
email and phone, the first value is used.
An address as JSON text or in a list of one is read as the address. For a value that is an object, a note names the member to list.
If an event has a separate first name but no last name, the last name is the text after the first name in ` + "`name`" + `. A name or a city with a question mark
(` + "`M?ller`" + `), which programs write for an unsupported letter, is left out.

A date of birth is read in the formats of times (below), as a date only. With dots, the day comes first. With slashes or dashes and the year last, the order is ambiguous:
` + "`03/04/1970`" + ` is left out with a note, unless a format in ` + "`time_format`" + ` has the order (` + "`02/01/2006 15:04`" + `: day first). Years of Japan's eras
(` + "`平成2年5月17日`, `H2.5.17`" + `), of the Republic of China and of Thailand's calendar are read; so are the date objects of PHP, MongoDB and java.time.

A placeholder (` + "`walk-in customer`" + `, ` + "`#REF!`" + `, ` + "`0000000000`" + `, ` + "`noemail@example.com`" + `), a value of ` + "`never_customers`" + ` and a person in ` + "`staff`" + ` are not customers: relay treats such a
value as absent. The same holds for a company's name (` + "`Hofe GmbH`" + `) and a first name alone that means customer or receipt (` + "`Gość`, `Paragon`" + `). If nothing else identifies the customer, the address next to it is the till's and is left out too; next to
never_customers and staff, so is the name. The event is then a cash sale (` + "`no_customer`" + `).
`
