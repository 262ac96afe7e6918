// Asks Meta's own libraries for the normal form and the hash of values, for
// TestMetaLibraries. One JSON object a line in, {"key":…,"value":…}; one out,
// {"sdk":{"form":…,"hash":…},"builder":{…}}, null where a library drops the
// value or throws.
const readline = require('node:readline');

// The hash functions are wrapped, not replaced, to see what was hashed.
const { createRequire } = require('node:module');
const sdkRequire = createRequire(require.resolve('facebook-nodejs-business-sdk'));
const sha256 = sdkRequire('js-sha256');
let hashed = null;
const spy = (text) => { hashed = text; return sha256(text); };
require.cache[sdkRequire.resolve('js-sha256')].exports = Object.assign(spy, sha256);
const { UserData } = require('facebook-nodejs-business-sdk');

const { ParamBuilder } = require('capi-param-builder-nodejs');
const builder = new ParamBuilder([]);
const { getNormalizedPII } = require('capi-param-builder-nodejs/src/piiUtil/PIIUtil.js');

const keys = {
  email: ['setEmail', 'em', 'email'],
  phone: ['setPhone', 'ph', 'phone'],
  gender: ['setGender', 'ge', 'gender'],
  first_name: ['setFirstName', 'fn', 'first_name'],
  last_name: ['setLastName', 'ln', 'last_name'],
  city: ['setCity', 'ct', 'city'],
  state: ['setState', 'st', 'state'],
  zip: ['setZip', 'zp', 'zip_code'],
  country: ['setCountry', 'country', 'country'],
  external_id: ['setExternalId', 'external_id', 'external_id'],
  date_of_birth: ['setDateOfBirth', 'db', 'date_of_birth'],
};

function sdk([setter, name], value) {
  hashed = null;
  try {
    const user = new UserData();
    user[setter](value);
    const out = user.normalize()[name];
    const first = Array.isArray(out) ? out[0] : out;
    return first ? { form: hashed ?? first, hash: first } : null;
  } catch {
    return null;
  }
}

function pb([, , type], value) {
  try {
    const out = builder.getNormalizedAndHashedPII(value, type);
    return out ? { form: getNormalizedPII(value, type) ?? value, hash: out.split('.')[0] } : null;
  } catch {
    return null;
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { key, value } = JSON.parse(line);
  console.log(JSON.stringify({ sdk: sdk(keys[key], value), builder: pb(keys[key], value) }));
});
