package mapper

// referenceTimes is the section of the reference on times.
const referenceTimes = `
## Times

A time is read in any of these forms. One without a zone is of ` + "`timezone`" + `.

- ISO 8601: ` + "`2026-11-20T16:00:27.029Z`" + `, with a space for the T, any fraction, a comma before it, an offset, the name of a zone, or none; the basic form ` + "`20261120T160027Z`" + `
- seconds, milliseconds, microseconds or nanoseconds since 1970, as a number or as text
- digits: ` + "`YYYYMMDD`" + `, ` + "`YYYYMMDDhhmm`" + `, ` + "`YYYYMMDDhhmmss`" + `
- a date alone, ` + "`2026-11-20`" + `, ` + "`20261120`" + ` or ` + "`20.11.2026`" + `: the first moment of that day in ` + "`timezone`" + `
- what a date is printed as in Go, Java, JavaScript, Python, PHP, Ruby, .NET and Swift, and RFC 1123; also the objects that PHP, MongoDB, Firestore and protobuf make of dates
- what programs print for people, in the languages of Europe, in Turkish, Indonesian, Malay, Arabic, Chinese, Japanese and Korean: ` + "`vendredi 20 novembre 2026 à 16h00`" + `,
  ` + "`20 Kas 2026`" + `, ` + "`20 XI 2026`" + `, ` + "`2026年11月20日 16:00`" + `; ` + "`20NOV2026:16:00:27`" + ` and other forms of databases. ` + "`lip`" + `, ` + "`srp`" + `, ` + "`lis`" + ` and ` + "`listopad`" + ` are Polish or Czech, and Croatian
  with the timezone of Croatia
- a date and a time of day of two columns, each with what it leaves empty: ` + "`20.11.2026 00:00:00 30.12.1899 16:00:27`" + `; where 30/12/1899 says which order day and month have, the other date has the same
- ` + "`20.11.2026 16:00:27`" + `, the day first; ` + "`11/20/2026 4:00:27 PM`" + ` where only one order of day and month gives a date
- what ` + "`time_format`" + ` names

Any other date is unreadable, and so is one before 2004 and one more than 366 days after the
time of receipt: a spreadsheet's serial number or a date read as seconds is no sale of 1970. The next source counts then, with a note;
a row of a file is refused. A date of digits between slashes or dashes with the year last has an order that nobody can know: name it under ` + "`time_format`" + `.
Tills that write ` + "`11/10/2026 10:00:00`" + ` need it, with AM or PM too (` + "`11/10/2026 10:00:00 AM`" + `): on the first twelve days of a month either number may be the
day. On other days a date with AM or PM is read, so that a wrong time shows only on these twelve; ` + "`26/11/2026 10:00`" + `, without them, is never read.
`

// referenceOptOut is the section of the reference on integrations.
const referenceOptOut = `
## Opting out

An event is not sent when its ` + "`integrations`" + `, or those in its ` + "`context`" + `, say false for this destination, or for ` + "`All`" + ` without true or an object for this
destination. It answers to Facebook Offline Conversions, Facebook Conversions API, Facebook Conversions, Meta Conversions API and Meta Offline
Conversions, each also with (Actions), in any case, with spaces, underscores or dashes; a lead id or processing options are found under each of
these names. A false for Facebook Pixel Server-Side, which Facebook Conversions API was called until 2020, counts too.
`

// referencePeople is the part of the section on match keys that says how
// values are found and who is no customer.
const referencePeople = `
Traits are read in any case and with any separators (` + "`firstName`" + `, ` + "`first_name`" + `, ` + "`FirstName`" + `), under the names that RudderStack, Shopify and tills
give them (` + "`firstname`" + `, ` + "`address.zip`" + `, ` + "`phone_number`" + `), in ` + "`context.traits`" + ` and in ` + "`traits`" + ` at the root. A list gives several values, up to
5 of a key; a list that PHP made an object of, or that came as JSON text, is that list. Of lead_id, and in the offline format of all but
email and phone, the first counts.
An address that came as JSON text or in a list of one is that address. A value that is an object has a note with the member to list.
Where the first name stands by itself and the last one does not, the last name is what comes behind it in ` + "`name`" + `. A name or a city with a question mark
(` + "`M?ller`" + `), which programs write for a letter that they cannot, is left out.

A date of birth is read in the forms of a time (below), as a date alone; between dots the day comes first, between slashes and dashes, the year last, nobody
knows: ` + "`03/04/1970`" + ` is left out with a note, unless a form of ` + "`time_format`" + ` says the order (` + "`02/01/2006 15:04`" + `: the day first). Years of Japan's eras
(` + "`平成2年5月17日`, `H2.5.17`" + `), of the Republic of China and of Thailand's calendar are read; so are the objects that PHP, MongoDB and java.time make of a date.

A placeholder (` + "`walk-in customer`" + `, ` + "`#REF!`" + `, ` + "`0000000000`" + `, ` + "`noemail@example.com`" + `), a value of ` + "`never_customers`" + ` and whoever ` + "`staff`" + ` names are no customer: such a
value counts as absent, and so do a company's name (` + "`Hofe GmbH`" + `) and a first name alone that means customer or receipt (` + "`Gość`, `Paragon`" + `). When nothing else says who the customer is, the address beside it is the till's and is left out too, beside
never_customers and staff also the name: the event is a cash sale (` + "`no_customer`" + `).
`
